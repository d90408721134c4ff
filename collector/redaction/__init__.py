"""Redaction before the journal: card data never enters, people become keyed tokens.

Pure: what is handed in is decoded, what comes out is what may be stored. Fails closed: where a
value cannot be judged, `RedactionFailed` is raised and nothing is stored.

Known limits: a card number glued to letters, or split over several fields, is not seen, nor is a
check code that no word like CVV or CVC stands before. A decimal
identifier of 13-19 digits with a card range and a right check digit cannot be told from a card
number: under keys that end in `id` it becomes a keyed `[id:...]` token, so that joins still work.
"""

from collector.redaction.redactor import RedactionFailed, Redactor

__all__ = ["RedactionFailed", "Redactor"]
