"""The sentences of the standards that a receiver is held to, in our own words.

1-49 are OTLP 1.11 (opentelemetry-proto: specification.md and the comments in its .proto files),
CE1-CE14 CloudEvents 1.0 over HTTP. A test takes a sentence with `@pytest.mark.conformance(16)` or
`@pytest.mark.conformance("CE7")`; the scorecard lists all of them, tested or not.
"""

from __future__ import annotations

from dataclasses import dataclass

OTLP = {
    "Every transport": {
        1: "Plain and gzip requests are taken by HTTP and by gRPC",
        2: "A request without telemetry succeeds",
        3: "Empty envelopes (a resource without scopes, a scope without items) do no harm",
        4: "Full success leaves `partial_success` unset: the JSON answer is `{}`, the protobuf one "
        "is empty",
        5: "Where some items are refused, `partial_success` counts exactly those",
        6: "A refusal of items comes with an English reason",
        7: "A warning about a request taken whole has a count of 0 and a message",
        8: "Unknown fields are passed over and the rest is stored, in protobuf and in JSON",
        9: "An answer is bounded: the message of a partial success is what gets shortened",
        10: "The size limit holds before and after decompression, on HTTP and on gRPC",
        11: "The same request sent again succeeds again",
        12: "Traces, metrics and logs are served; profiles are refused as not there",
    },
    "OTLP/HTTP": {
        13: "POST to `/v1/traces`, `/v1/metrics` and `/v1/logs` takes each signal's request",
        14: "The ports are 4318 and 4317 unless said otherwise",
        15: "Protobuf and JSON share the port; parameters and upper case of `Content-Type` change "
        "nothing",
        16: "The answer has the content type of the request",
        17: "Success is 200 with a serialized response message",
        18: "Partial success is 200 too",
        19: "The body of every 4xx and 5xx is a `google.rpc.Status` in the encoding of the request",
        20: "Data that can never be used is 400, with a `BadRequest` that names the field",
        21: "A body over the limit is 413, on either side of decompression, whatever its length "
        "header says",
        22: "What passes by itself is never answered 500 or 408",
        23: "Overload is 429 or 503, with a `Retry-After` that SDKs can wait for (1-2 s)",
        24: "An answer too large to send would be a 500; no request can make one",
        25: "An answer may be gzipped where the request accepts it, and only there",
        26: "HTTP/1.1 connections stay open, and several work side by side",
        27: "A wrong method is 405, a wrong media type 415",
        28: "A body that is not what `Content-Encoding` says is 400",
        29: "Browsers of listed origins pass the CORS preflight; no origin is `*`",
    },
    "OTLP/JSON": {
        30: "Ids are hex in any case; base64 is refused",
        31: "Enums are integers; their names are refused",
        32: "Keys are lowerCamelCase; snake_case keys are unknown",
        33: "64-bit integers are taken as numbers and as decimal strings, and answered as strings",
        34: "`bytesValue` is base64; NaN and the infinities are strings",
        35: "The standard's own example files are taken and read back unchanged",
    },
    "OTLP/gRPC": {
        36: "`Export` of the three services works, with many calls at once",
        37: "Over the limit is `RESOURCE_EXHAUSTED` without `RetryInfo`",
        38: "Overload is `UNAVAILABLE` with `RetryInfo`",
        39: "Bad data is `INVALID_ARGUMENT` with a `BadRequest` that names the field",
        40: "Retryable codes are used for what passes, and for nothing else",
        41: "The same fault is the matching status on HTTP and on gRPC",
    },
    "Valid data": {
        42: "A span without a trace id of 16 and a span id of 8 bytes, not zero, is refused alone",
        43: "A span without a name, or that ends before it starts, is kept and marked",
        44: "A log record with a bad trace id is kept without the association",
        45: "A log record without a time has its observed time, else the time of receipt",
        46: "Of equal keys in one map the first counts",
        47: "Metric points need a time, sums and histograms a temporality, buckets their number",
        48: "References into the string table of profiles are unknown to the other signals",
        49: "Bits 10-31 of a span's flags are no fault",
    },
}
CLOUDEVENTS = {
    1: "Binary and structured mode are both taken",
    2: "`Content-Type`, in any case, chooses between batch, structured and binary mode",
    3: "In binary mode `Content-Type` is the `datacontenttype`; all else are `ce-` headers",
    4: "Header values are unquoted and percent-decoded once; bad UTF-8 is refused",
    5: "In structured mode the payload holds every attribute; headers are only copies",
    6: "A batch is a JSON array, may be empty, is bounded, and has one `specversion`",
    7: "`id`, `source`, `specversion` and `type` are there and not empty; names are `[a-z0-9]`",
    8: "`time` is RFC 3339, `dataschema` an absolute URI, `subject` not empty",
    9: "A null attribute is unset; `data` and `data_base64` exclude each other; null data is data",
    10: "The same `source` and `id` is the same event",
    11: "An event of 64 KiB is taken",
    12: "The webhook binding: POST, token in header or query, 202, 415, never 3xx, and a "
    "`Retry-After` with every wait",
    13: "The abuse handshake answers `OPTIONS` with allowed origin and rate",
    14: "Known extensions are kept; data rules that cannot be met are refused",
}


@dataclass(frozen=True)
class Sentence:
    """`id`: `16` or `CE7`."""

    id: str
    group: str
    text: str


SENTENCES = {
    one.id: one
    for one in (
        *(
            Sentence(str(number), group, text)
            for group, sentences in OTLP.items()
            for number, text in sentences.items()
        ),
        *(Sentence(f"CE{number}", "CloudEvents", text) for number, text in CLOUDEVENTS.items()),
    )
}
