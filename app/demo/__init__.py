"""The simulation: a shop, its history, and the story of one payment outage.

Everything here is labelled as a simulation wherever it is shown.
"""
