"""The secrets that tests plant: one maker per kind, real-looking, fresh from a seeded generator.

A `Secret` is what a careless program writes into a log line or an attribute: `text` holds what a
scanner needs to know it by, `parts` what may be stored nowhere afterwards. Where a value has no
shape of its own (a password, a key of 32 hex digits) its name stands beside it, and `keys` are the
attribute names under which `bare` alone may stand. Nothing here is a literal secret, so that no
scanner of repositories finds one. `plantings()` puts each of them into every frame; the redactor's
own tests and the journeys share it. Shapes after the vendors' documentation and the public rule
sets of gitleaks and TruffleHog.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from access import secrets_text

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_ALNUM = _LETTERS + _DIGITS
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + _DIGITS
_HEX = "0123456789abcdef"
_URL64 = _ALNUM + "_-"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE62 = _DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Secret:
    """One secret of a kind. `parts`: what is looked for afterwards, each long enough to be its own.

    `keys` with `bare`: attribute names under which the value stands alone; both may be empty.
    """

    kind: str
    text: str
    parts: tuple[str, ...]
    keys: tuple[str, ...] = ()
    bare: str = ""


@dataclass(frozen=True)
class Planting:
    """A text to put under a key ("": any field that holds text), and what must not be stored."""

    kind: str
    frame: str
    key: str
    text: str
    parts: tuple[str, ...]


class Grower:
    """Random texts of an alphabet, from one seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def of(self, alphabet: str, size: int) -> str:
        """`size` characters of the alphabet."""
        return "".join(self.rng.choices(alphabet, k=size))

    def word(self, size: int) -> str:
        """Letters and digits with one of each at least, so that no frame takes it for a word."""
        return self.of(_LETTERS, 1) + self.of(_DIGITS, 1) + self.of(_ALNUM, size - 2)

    def base64(self, size: int) -> str:
        """`size` random bytes as base64."""
        return base64.b64encode(self.rng.randbytes(size)).decode()


Maker = Callable[[Grower], list[Secret]]
_MAKERS: dict[str, Maker] = {}


def _kind(name: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        _MAKERS[name] = maker
        return maker

    return register


def _plain(kind: str, *values: str) -> list[Secret]:
    """Secrets that their own shape gives away: the whole value is what must not be stored."""
    return [Secret(kind, value, _ends(value)) for value in values]


def _named(kind: str, value: str, keys: tuple[str, ...], *texts: str) -> list[Secret]:
    """A value without a shape: it stands under its keys, and in texts behind its name."""
    return [Secret(kind, text.format(value), _ends(value), keys, value) for text in texts]


def _ends(value: str) -> tuple[str, ...]:
    """The value; of a long one also its ends, so that half a secret left over is found too."""
    return (value,) if len(value) < 32 else (value, value[-14:])


@_kind("aws_access_key_id")
def _aws_id(grow: Grower) -> list[Secret]:
    return _plain("aws_access_key_id", *(p + grow.of(_BASE32, 16) for p in ("AKIA", "ASIA")))


@_kind("aws_secret_access_key")
def _aws_secret(grow: Grower) -> list[Secret]:
    value = grow.of(_ALNUM + "/+", 40)
    keys = ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "aws.secretAccessKey")
    texts = ("AWS_SECRET_ACCESS_KEY={0}", "aws_secret_access_key = {0}", "SecretAccessKey: {0}")
    return _named("aws_secret_access_key", value, keys, *texts)


@_kind("github_token")
def _github(grow: Grower) -> list[Secret]:
    found = []
    for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"):
        body = grow.of(_ALNUM, 30)
        found.append(f"{prefix}{body}{_base62(zlib.crc32(body.encode()), 6)}")
    return _plain("github_token", *found)


@_kind("github_fine_grained_token")
def _github_pat(grow: Grower) -> list[Secret]:
    value = f"github_pat_{grow.of(_ALNUM, 22)}_{grow.of(_ALNUM, 59)}"
    return _plain("github_fine_grained_token", value)


@_kind("gitlab_token")
def _gitlab(grow: Grower) -> list[Secret]:
    routable = f"glpat-{grow.of(_URL64, 27)}.{grow.of(_DIGITS, 2)}.{grow.of(_HEX, 9)}"
    return _plain("gitlab_token", f"glpat-{grow.word(20)}", f"gldt-{grow.word(20)}", routable)


@_kind("slack_token")
def _slack(grow: Grower) -> list[Secret]:
    team, bot = grow.of("123456789", 12), grow.of("123456789", 13)
    return _plain(
        "slack_token",
        f"xoxb-{team}-{bot}-{grow.of(_ALNUM, 24)}",
        f"xoxp-{team}-{bot}-{bot}-{grow.of(_HEX, 32)}",
        f"xapp-1-A{grow.of(_UPPER, 10)}-{bot}-{grow.of(_HEX, 64)}",
    )


@_kind("slack_webhook_url")
def _slack_hook(grow: Grower) -> list[Secret]:
    last = grow.of(_ALNUM, 24)
    path = f"T{grow.of(_UPPER, 10)}/B{grow.of(_UPPER, 10)}/{last}"
    return [Secret("slack_webhook_url", f"https://hooks.slack.com/services/{path}", (last,))]


@_kind("stripe_secret_key")
def _stripe(grow: Grower) -> list[Secret]:
    old, new = grow.of(_ALNUM, 24), f"51{grow.of(_ALNUM, 97)}"
    return _plain("stripe_secret_key", f"sk_live_{old}", f"sk_live_{new}", f"sk_test_{new}")


@_kind("stripe_restricted_key")
def _stripe_restricted(grow: Grower) -> list[Secret]:
    return _plain("stripe_restricted_key", f"rk_live_51{grow.of(_ALNUM, 97)}")


@_kind("webhook_secret")
def _webhook_secret(grow: Grower) -> list[Secret]:
    """Stripe's, and that of Standard Webhooks, which is base64."""
    return _plain("webhook_secret", f"whsec_{grow.of(_ALNUM, 32)}", f"whsec_{grow.base64(24)}")


@_kind("google_api_key")
def _google(grow: Grower) -> list[Secret]:
    return _plain("google_api_key", f"AIza{grow.of(_ALNUM, 35)}")


@_kind("azure_storage_key")
def _azure(grow: Grower) -> list[Secret]:
    key = grow.base64(64)
    text = (
        "DefaultEndpointsProtocol=https;AccountName=shopfiles;"
        f"AccountKey={key};EndpointSuffix=core.windows.net"
    )
    return [Secret("azure_storage_key", text, (key, key[:20]))]


@_kind("azure_sas")
def _azure_sas(grow: Grower) -> list[Secret]:
    signature = quote(grow.base64(32), safe="")
    url = "https://shopfiles.blob.core.windows.net/exports/a.csv?sv=2024-11-04&sp=r&sig="
    return [Secret("azure_sas", f"{url}{signature}&sr=b", (signature,))]


@_kind("jwt")
def _jwt(grow: Grower) -> list[Secret]:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    signature = grow.of(_URL64, 43)
    claims = {"sub": grow.of(_DIGITS, 8), "name": "Ada", "iat": 1_795_000_000}
    token = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{signature}"
    return [Secret("jwt", token, (token, signature, part(claims)))]


@_kind("private_key")
def _private_key(grow: Grower) -> list[Secret]:
    starts = {"RSA ": "MIIEpAIBAAKCAQEA", "EC ": "MHcCAQEEI", "": "MIIEvQIBADANBgkq"}
    starts["OPENSSH "] = "b3BlbnNzaC1rZXktdjEAAAAA"
    found = []
    for name, start in starts.items():
        body = start + grow.of(_ALNUM + "+/", 64 * 6 - len(start))
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        head, end = f"-----BEGIN {name}PRIVATE KEY-----", f"-----END {name}PRIVATE KEY-----"
        parts = (lines[0], lines[3], lines[5])
        whole = [head, *lines, end]
        found.append(Secret("private_key", "\n".join(whole), parts))
        found.append(Secret("private_key", "\\n".join(whole), parts))
        # A log line that was cut: the end never came.
        found.append(Secret("private_key", "\n".join(whole[:-1]), parts))
    return found


@_kind("url_password")
def _url_password(grow: Grower) -> list[Secret]:
    texts = (
        "postgres://shop:{0}@db.internal:5432/shop",
        "https://deploy:{0}@git.example.com/shop.git",
        "redis://:{0}@cache.internal:6379/0",
        "amqp://guest:{0}@mq/%2F",
        "mysql://root:{0}@10.0.0.7:3306/shop",
        "dsn=postgresql://shop:{0}@localhost/shop",
    )
    made = [(text, grow.word(14)) for text in texts]
    return [Secret("url_password", text.format(word), (word,)) for text, word in made]


@_kind("basic_authorization")
def _basic(grow: Grower) -> list[Secret]:
    word = grow.word(14)
    coded = base64.b64encode(f"deploy:{word}".encode()).decode()
    keys = ("authorization", "http.request.header.authorization", "Proxy-Authorization")
    text = f"Authorization: Basic {coded}"
    return [Secret("basic_authorization", text, (coded, word), keys, f"Basic {coded}")]


@_kind("bearer_authorization")
def _bearer(grow: Grower) -> list[Secret]:
    word = grow.word(32)
    keys = ("authorization", "http.request.header.authorization")
    texts = (f"Authorization: Bearer {word}", f"authorization=bearer {word}")
    return [Secret("bearer_authorization", t, (word,), keys, f"Bearer {word}") for t in texts]


@_kind("cookie")
def _cookie(grow: Grower) -> list[Secret]:
    word = grow.word(32)
    keys = ("cookie", "http.request.header.cookie", "http.response.header.set-cookie")
    texts = (
        f"Cookie: theme=dark; sid={word}",
        f"Set-Cookie: __Host-session={word}; Path=/; Secure",
        f"connect.sid=s%3A{word}",
    )
    return [Secret("cookie", text, (word,), keys, f"sid={word}") for text in texts]


@_kind("session_id")
def _session(grow: Grower) -> list[Secret]:
    """Session ids of frameworks. `session_id` is not among them: by it the shop's events join."""
    word = grow.word(32)
    keys = ("JSESSIONID", "PHPSESSID", "jsessionid", "session_token", "ASP.NET_SessionId")
    texts = ("JSESSIONID={0}", "PHPSESSID={0}", "/cart;jsessionid={0}?x=1", "sessionToken={0}")
    return _named("session_id", word, keys, *texts)


@_kind("password")
def _password(grow: Grower) -> list[Secret]:
    keys = ("password", "db.password", "user.passwd", "DB_PWD", "clientSecret", "passphrase")
    texts = (
        "password={0}",
        "login failed: password: {0}",
        '"password": "{0}"',
        "PGPASSWORD={0} psql",
        "client_secret={0}&grant_type=client_credentials",
        "pwd={0};Database=shop",
    )
    return _named("password", grow.word(14), keys, *texts)


@_kind("api_key")
def _api_key(grow: Grower) -> list[Secret]:
    keys = ("api_key", "x-api-key", "apiKey", "http.request.header.x-api-key", "access_token")
    texts = ("api_key={0}", "X-Api-Key: {0}", "apikey={0}", "access_token={0}", '"apiKey":"{0}"')
    return _named("api_key", grow.word(36), keys, *texts)


@_kind("npm_token")
def _npm(grow: Grower) -> list[Secret]:
    return _plain("npm_token", f"npm_{grow.of(_ALNUM, 36)}")


@_kind("pypi_token")
def _pypi(grow: Grower) -> list[Secret]:
    return _plain("pypi_token", f"pypi-AgEIcHlwaS5vcmc{grow.of(_URL64, 160)}A")


@_kind("docker_token")
def _docker(grow: Grower) -> list[Secret]:
    return _plain("docker_token", f"dckr_pat_{grow.word(27)}", f"dckr_oat_{grow.word(32)}")


@_kind("twilio_key")
def _twilio(grow: Grower) -> list[Secret]:
    keys = ("twilio.auth_token", "TWILIO_AUTH_TOKEN")
    token = _named("twilio_key", grow.of(_HEX, 32), keys, "TWILIO_AUTH_TOKEN={0}")
    return [*_plain("twilio_key", f"SK{grow.of(_HEX, 32)}"), *token]


@_kind("sendgrid_key")
def _sendgrid(grow: Grower) -> list[Secret]:
    return _plain("sendgrid_key", f"SG.{grow.word(22)}.{grow.word(43)}")


@_kind("openai_key")
def _openai(grow: Grower) -> list[Secret]:
    mark = "T3BlbkFJ"
    return _plain(
        "openai_key",
        f"sk-proj-{grow.word(74)}{mark}{grow.word(74)}",
        f"sk-svcacct-{grow.word(74)}{mark}{grow.word(74)}",
        f"sk-{grow.word(20)}{mark}{grow.word(20)}",
    )


@_kind("anthropic_key")
def _anthropic(grow: Grower) -> list[Secret]:
    return _plain("anthropic_key", f"sk-ant-api03-{grow.of(_URL64, 93)}AA")


@_kind("telegram_token")
def _telegram(grow: Grower) -> list[Secret]:
    token = f"{grow.of('123456789', 10)}:AA{grow.of(_ALNUM, 33)}"
    url = f"https://api.telegram.org/bot{token}/sendMessage"
    return [Secret("telegram_token", text, (token[11:],)) for text in (token, url)]


@_kind("square_token")
def _square(grow: Grower) -> list[Secret]:
    return _plain(
        "square_token",
        f"EAAA{grow.word(60)}",
        f"sq0csp-{grow.word(43)}",
        f"sq0atp-{grow.word(22)}",
    )


@_kind("shopify_token")
def _shopify(grow: Grower) -> list[Secret]:
    prefixes = ("shpat_", "shpss_", "shpca_", "shppa_")
    return _plain("shopify_token", *(prefix + grow.of(_HEX, 32) for prefix in prefixes))


@_kind("datadog_key")
def _datadog(grow: Grower) -> list[Secret]:
    keys = ("DD_API_KEY", "dd-api-key", "datadog.api_key")
    return _named("datadog_key", grow.of(_HEX, 32), keys, "DD_API_KEY={0}", "DD-API-KEY: {0}")


@_kind("new_relic_key")
def _new_relic(grow: Grower) -> list[Secret]:
    user, licence = f"NRAK-{grow.of(_UPPER, 27)}", f"{grow.of(_HEX, 36)}NRAL"
    return _plain("new_relic_key", user, licence)


@_kind("tillwatch_token")
def _ours(grow: Grower) -> list[Secret]:
    body = _base62(grow.rng.getrandbits(256), 43)
    value = f"{secrets_text.PREFIX}{body}{_base62(zlib.crc32(body.encode()), 6)}"
    assert secrets_text.is_token(value)
    return _plain("tillwatch_token", value)


@_kind("cvv")
def _cvv(grow: Grower) -> list[Secret]:
    """Three digits stand in many a number, so they are looked for with their name.

    Under its key any value is a code: a longer one proves the same and can be looked for.
    """
    code, under_key = grow.of(_DIGITS, 3), grow.word(10)
    texts = (f"cvv={code}", f'"cvc": "{code}"', f"CVV2: {code}", f"card_cvv={code}&x=2")
    keys = ("cvv", "card.securityCode", "demo.payment.card_cvv")
    return [Secret("cvv", text, (text.split("&")[0], under_key), keys, under_key) for text in texts]


@_kind("track_data")
def _track(grow: Grower) -> list[Secret]:
    """Both tracks of a magnetic stripe: all behind the number is secret as well."""
    card, rest = luhn_closed("4" + grow.of(_DIGITS, 14)), f"2712101{grow.of('123456789', 13)}"
    second, first = f";{card}={rest}?", f"%B{card}^DOE/JOHN^{rest}?"
    keys = ("track2", "card.track_data", "magstripe")
    return [Secret("track_data", text, (card, rest), keys, second) for text in (second, first)]


@_kind("email")
def _email(grow: Grower) -> list[Secret]:
    name = grow.word(9).lower()
    texts = (f"{name}@example.org", f"Ada <{name}+shop@mail.example.co.uk>")
    return [
        Secret("email", text, (name,), ("user.email", "customer_email"), text) for text in texts
    ]


@_kind("phone")
def _phone(grow: Grower) -> list[Secret]:
    """Known by its key alone: no text tells a phone number from any other number."""
    number = f"+4930{grow.of('123456789', 8)}"
    return [Secret("phone", "", (number,), ("phone", "customer.phone_number"), number)]


@_kind("iban")
def _iban(grow: Grower) -> list[Secret]:
    account = grow.of("123456789", 18)
    check = 98 - int(f"{account}131400") % 97  # ISO 7064 MOD 97-10, D = 13, E = 14
    value = f"DE{check:02d}{account}"
    spaced = " ".join(value[at : at + 4] for at in range(0, len(value), 4))
    keys = ("iban", "customer.iban")
    return [Secret("iban", text, (value,), keys, value) for text in (value, spaced)]


KINDS = tuple(_MAKERS)

# What a text around a secret looks like. `%` and `u`: each character escaped.
_FRAMES: tuple[tuple[str, str], ...] = (
    ("alone", "{0}"),
    ("sentence", "it said {0} and went on"),
    ("lines", "first line\n{0}\nlast line"),
    ("brackets", "call({0})"),
    ("trace", "java.lang.IllegalStateException: {0}\n\tat shop.Pay.charge(Pay.java:42)"),
)


def secrets(rng: random.Random) -> list[Secret]:
    """All secrets of all kinds, fresh from this generator."""
    grow = Grower(rng)
    return [secret for make in _MAKERS.values() for secret in make(grow)]


def plantings(rng: random.Random) -> Iterator[Planting]:
    """Each secret under each of its keys, and in each frame of a text."""
    for secret in secrets(rng):
        for key in secret.keys:
            yield Planting(secret.kind, "key", key, secret.bare, secret.parts)
        if secret.text:
            for frame, text in _framed(secret.text):
                yield Planting(secret.kind, frame, "", text, secret.parts)


def _framed(text: str) -> Iterator[tuple[str, str]]:
    for frame, around in _FRAMES:
        yield frame, around.format(text)
    yield "query", f"https://shop.example/cb?state=1&m={quote(text, safe='')}&x=1"
    yield "json", json.dumps({"level": "error", "message": text, "n": 1})
    yield "json in json", json.dumps(json.dumps({"message": text}))
    yield "percent", "".join(f"%{byte:02X}" for byte in text.encode())
    yield "escaped", "".join(f"\\u{ord(char):04x}" for char in text)


def luhn_closed(head: str) -> str:
    """The digits with the check digit that makes their Luhn sum fit."""
    total = 0
    for index, char in enumerate(reversed(head)):
        value = int(char) * (1 if index % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{head}{-total % 10}"


def _base62(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, index = divmod(value, 62)
        digits.append(_BASE62[index])
    return "".join(reversed(digits))
