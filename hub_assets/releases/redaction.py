"""Replaces secrets, e-mail addresses and attacks in text from the Hub with `[removed: <kind>]`, and counts them.

Invisible characters are removed first. Text is then searched both as it is and after up to three successive decodings,
because other programs may decode it: Unicode compatibility forms, percent and HTML escapes, backslash escapes, base64
and hexadecimal. A finding in the undecoded text is cut out; if a finding appears only after decoding, the whole text is
replaced. Nothing is ever executed or rendered.
"""

import base64
import binascii
import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

LONGEST: Final = 20_000
"""Maximum length of a released text. The rest is cut off to keep searches fast."""
_DEPTH: Final = 3
"""Maximum number of successive decodings; attackers stack encodings."""

_PATTERNS: Final = {
    kind: (triggers, re.compile(pattern, re.MULTILINE))
    for kind, triggers, pattern in (
        ("huggingface", ("hf_", "api_org_"), r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,}"),
        (
            "github",
            ("gh", "github_pat_"),
            r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
        ),
        ("gitlab", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("aws", ("akia", "asia", "agpa", "aida", "aroa", "anpa"), r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b"),
        (
            "openai",
            ("sk-",),
            r"(?<![\w-])sk-(?:(?:proj|svcacct|admin|None|ant-\w+|or-v1)-)?(?=[\w-]*\d)[A-Za-z0-9_-]{20,}",
        ),
        (
            "google",
            ("aiza", "ya29.", "gocspx-"),
            r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}",
        ),
        ("slack", ("xox", "hooks.slack"), r"\bxox[a-z]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]+"),
        ("stripe", ("k_live_", "k_test_"), r"(?<![A-Za-z0-9])[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("npm", ("npm_",), r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}"),
        ("pypi", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{50,}"),
        (
            "other_service",
            ("sg.", "r8_", "gsk_", "nvapi-", "wandb_", "dop_v1_", ":aa"),
            r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\br8_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{40,}|\bnvapi-[\w-]{40,}"
            r"|\bwandb_\w{30,}|\bdop_v1_[a-f0-9]{64}|\b\d{8,10}:AA[\w-]{33}",
        ),
        ("jwt", ("eyj",), r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
        (
            "private_key",
            ("private key", "putty-user-key"),
            r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?"
            r"(?:-----END[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
            r"|PuTTY-User-Key-File-\d[\s\S]*",
        ),
        (
            "credentials_in_address",
            ("://",),
            r"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s/:@]{1,100}:[^\s/@]{3,200}@[\w.-]+",
        ),
        (
            "assigned",
            ("key", "secret", "token", "passw", "credential"),
            r"(?i)\b\w{0,30}(?:api[_-]?key|secret|access[_-]?token|auth[_-]?token|password|passwd|credential)\w{0,20}[\"']?"
            r"\s*(?:=>|=|:)\s*[\"']?(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[^\s\"'<>{}()$\[\]]{12,}",
        ),
        (
            "email",
            ("@",),
            r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24}\b",
        ),
        (
            "markup",
            ("<", "="),
            r"(?i)<\s*/?\s*(?:script|iframe|svg|applet|foreignobject)\b[^>]*>?"
            r"|<\s*(?:object|embed|base|meta|link|form|math|style)\s[^>]{0,500}=[^>]*>?"
            r"|<[^>]{1,500}\bon[a-z]{3,20}\s*=[^>]*>?|\bon(?:error|load|click|mouseover|focus)\s*=\s*[\"']?[^\s\"']*\(",
        ),
        (
            "script_address",
            ("script", "data:"),
            r"(?i)\b(?:java|vb)script\s*:\s*[^\s,.]+|data:(?:text/html|image/svg|application/xhtml)[^\s]*",
        ),
        (
            "template",
            ("{{", "{%", "${", "#{", "<%", "*{"),
            r"\{\{[^{}\n]{0,300}(?:\d\s*[*+/]\s*'?\d|__\w+__|\|\s*\w+|\w\(|\w\[)[^{}\n]{0,300}(?:\}\}|$)"
            r"|\{\{-?\s*(?:config|request|self|settings|session|cycler|env|this)\b[^{}\n]{0,300}(?:\}\}|$)"
            r"|\{%-?\s*(?:if|for|set|include|import|from|extends|macro|block|with|call|debug)\b[^\n]{0,300}?(?:%\}|$)"
            r"|[$#*]\{\s*(?:\d+\s*[*+/-]\s*\d+|(?:T|new)\b[^}\n]{1,200}\(|[\w.@:]+\([^}\n]*)\}?|<%[=@]?[^%\n]{1,300}(?:%>|$)",
        ),
        (
            "object",
            ("!", "__", ":{"),
            r"!!?(?:python|ruby|java|js|perl|php)/[\w:./]+|__import__\s*\(|__(?:subclasses|globals|builtins|reduce|mro)__"
            r"|\b[OC]:\d+:\"[^\"]{1,100}\":\d+:\{",
        ),
        (
            "command",
            ("$(", "curl", "wget", "/dev/tcp", "rm -", "powershell", "() {", "(){", "nc -"),
            r"(?i)\$\(\s*(?:curl|wget|whoami|id|uname|cat|nc|bash|sh|rm|env|printenv)\b[^)\n]{0,200}\)"
            r"|\b(?:curl|wget)\b[^\n|;]{0,200}[|;]\s*(?:ba|z|da)?sh\b|/dev/tcp/\S+|[;&|]\s*rm\s+-rf?\b|\bnc\s+-e\b"
            r"|\bpowershell\b[^\n]{0,60}-e(?:nc|ncodedcommand)?\b[^\n]*|\(\)\s*\{\s*:;\s*\}",
        ),
        (
            "lookup",
            ("jndi", "${", "<!"),
            r"(?i)\$\{(?:[^{}]|\$\{[^{}]*\}){0,60}:(?://|[^}\n]{0,80}:)[^\n]{0,200}\}|jndi:\w+:|<!(?:ENTITY|DOCTYPE)[^>]*"
            r"(?:SYSTEM|\[)[^>]*>?|<!\[CDATA\[",
        ),
        (
            "sql",
            ("'", "drop", "truncate", "alter", "union"),
            r"(?i)'\s*(?:or|and)\s+'?\d+'?\s*=\s*'?\d+|;\s*(?:drop|truncate|alter)\s+(?:table|database)\b[^\n]{0,100}"
            r"|\bunion\s+(?:all\s+)?select\b[^\n]{0,100}\bfrom\b[^\n]{0,100}",
        ),
        (
            "path",
            ("..", "file:", "/etc/", "/proc/self"),
            r"(?i)(?:\.\.[/\\]){2,}(?:etc|proc|root|home|var|windows|boot|\.ssh|\.env)\b\S*|\bfile:/{2,3}(?:etc|proc|root|home|c:)"
            r"\S*|/etc/(?:passwd|shadow)\b|/proc/self/\w+",
        ),
        (
            "formula",
            ("|", "("),
            r"(?i)(?:^\s*-|(?<![\w.=])[=+@])\s*(?:\w+\s*\|\s*['\"]|(?:cmd|dde|hyperlink|webservice|importxml|importdata"
            r"|exec|system)\s*[|(])[^\n]*",
        ),
    )
}
"""Kinds of findings, in search order, each with lower-case trigger strings and a pattern. Every finding contains at
least one of the triggers, so text without them need not be matched against the pattern. Secrets and addresses come
first, followed by text that a browser, template engine, parser, shell, logger, database or spreadsheet might
execute."""

_TRIGGERS: Final = [(trigger, kind) for kind, (triggers, _) in _PATTERNS.items() for trigger in triggers]
_SHORT: Final = 100
_REMEMBERED: Final = 50_000
"""Number of texts of up to `_SHORT` characters to cache in redacted form, because keys and values of cards repeat."""

_CONTROL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
)
"""Terminal codes, characters that reverse or hide text, and characters that split words invisibly."""
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX: Final = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{2}[\s:]?){12,}")
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}|&#?\w{2,8};|\\[ux][0-9A-Fa-f]{2}|\\[0-7]{3}")
_RANDOM_LENGTH: Final = 32
_DIGEST: Final = "^[0-9a-f]+$"
"""Pattern of a text that is entirely hexadecimal, and therefore neither random nor base64."""
_HINTS: Final = "|".join(
    (
        f"(?i:{'|'.join(sorted(re.escape(trigger) for triggers, _ in _PATTERNS.values() for trigger in triggers))})",
        "[^ -~]",
        _ENCODED.pattern,
        # decoded text is at least nine tenths printable characters, so its hexadecimal form contains five successive
        # printable bytes (or three such characters of UTF-16), even if the other characters take four bytes each
        r"(?:^|[^0-9A-Fa-f])(?:0x)?(?:[0-9A-Fa-f]{2}[\s:]?)*"
        r"(?:(?:(?:[2-7][0-9A-Fa-f]|0[9AaDd])[\s:]?){5}|(?:[2-7][0-9A-Fa-f][\s:]?00[\s:]?){3})",
    )
)
# for the same reason, its base64 form contains two successive groups of three bytes that each begin with a printable
# byte or with a zero byte of UTF-16
_BASE64_HINTS: Final = (
    "[A-Za-z0-9+/_-]{24}",
    "(?:^|[^A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{4})*(?:[ACDI-Za-f][A-Za-z0-9+/_-]{3}){2}",
)
_RANDOM_HINTS: Final = (
    f"[A-Za-z0-9+/_-]{{{_RANDOM_LENGTH}}}",
    "[0-9][A-Za-z0-9+/_-]*[0-9][A-Za-z0-9+/_-]*[0-9]",
)
_LINKED: Final = re.compile(r"(?:https?://|www\.)\S*$")


def redact(text: str, found: Counter[str]) -> str:
    """Return the text with each secret and attack replaced by `[removed: <kind>]`, and count them.

    Args:
        text: any text.
        found: receives the number of findings by kind.
    """
    cut = text[:LONGEST]
    plain, counts = _remembered(cut) if len(cut) <= _SHORT else _redacted(cut)
    if counts:
        found.update(counts)
    return plain


def _redacted(text: str) -> tuple[str, Counter[str]]:
    found: Counter[str] = Counter()
    plain = text
    if not plain.isascii() or not plain.isprintable():
        plain = _CONTROL.sub("", plain)
        if len(plain) < len(text):
            found["control_characters"] += 1
    for kind, pattern in _possible(plain):
        plain, n = pattern.subn(f"[removed: {kind}]", plain)
        if n:
            found[kind] += n
    plain = _TOKEN.sub(lambda match: _without_random(match, found), plain)
    for hidden in _decoded(plain, _DEPTH):
        kind = next((name for name, pattern in _possible(hidden) if pattern.search(hidden)), "")
        if kind or any(_is_random(match.group()) for match in _TOKEN.finditer(hidden)):
            kind = kind or "high_entropy"
            found[f"encoded_{kind}"] += 1
            return f"[removed: encoded {kind}]", found
    return plain, found


_remembered = lru_cache(_REMEMBERED)(_redacted)


def suspects(texts: pa.Array) -> pa.Array:
    """Return a mask of the texts that `redact` may change; it would leave all others unchanged.

    The mask also includes some texts that `redact` would not change, such as half of all model ids. Per id, computing
    the mask takes 1.4 µs, and calling `redact` takes 35 µs.

    Args:
        texts: strings without nulls.
    """

    def contains(pattern: str) -> pa.Array:
        return pc.match_substring_regex(texts, pattern)

    may_be_text, may_be_random = (pc.and_(*map(contains, hints)) for hints in (_BASE64_HINTS, _RANDOM_HINTS))
    is_encoded = pc.and_not(pc.or_(may_be_text, may_be_random), contains(_DIGEST))
    return pc.or_(pc.or_(contains(_HINTS), is_encoded), pc.greater(pc.binary_length(texts), LONGEST))


def _possible(text: str) -> list[tuple[str, re.Pattern[str]]]:
    """Return the kinds and patterns that could match because the text contains one of their required strings."""
    lower = text.lower()
    kinds = {kind for trigger, kind in _TRIGGERS if trigger in lower}
    return [(kind, pattern) for kind, (_, pattern) in _PATTERNS.items() if kind in kinds] if kinds else []


def redact_json(value: Any, found: Counter[str]) -> Any:
    """Return a JSON value in which all strings, including keys, are redacted."""
    if isinstance(value, str):
        return redact(value, found)
    if isinstance(value, list):
        return [redact_json(item, found) for item in value]
    if isinstance(value, dict):
        return {redact(str(key), found): redact_json(item, found) for key, item in value.items()}
    return value


def selected_json(
    text: str | None, keys: frozenset[str], found: Counter[str], *, is_suspect: bool = True
) -> str | None:
    """Parse JSON text and return the top-level fields in `keys`, redacted, as JSON text in a canonical form.

    Only scalars and lists of scalars are released. The result is None if the text is not a JSON object. If `is_suspect`
    is false and the text has no escapes, its strings are not redacted: they are substrings of a text that needs no
    redaction.
    """
    if text is None:
        return None
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        found["unreadable_json"] += 1
        return None
    if not isinstance(parsed, dict):
        return None
    chosen = {key: _simple(value) for key, value in sorted(parsed.items()) if key in keys}
    if is_suspect or "\\" in text:
        chosen = redact_json(chosen, found)
    return json.dumps(chosen, ensure_ascii=False, separators=(",", ":"))


def _simple(value: Any) -> Any:
    """Return a scalar, or the scalars in a list; any other value becomes null."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str | int | float | bool)]
    return value if isinstance(value, str | int | float | bool) else None


def _without_random(match: re.Match[str], found: Counter[str]) -> str:
    token = match.group()
    # ids of files and videos in links look random, too, but are public
    if not _is_random(token) or _LINKED.search(match.string[max(0, match.start() - 300) : match.start()]):
        return token
    found["high_entropy"] += 1
    return "[removed: high_entropy]"


def _is_random(token: str) -> bool:
    """Return whether a token looks random because it keeps switching between upper case, lower case and digits.

    Names of models and files do not look random, because they switch less often and contain words. Neither do digests,
    because they are hexadecimal.
    """
    core = token.rstrip("=")
    longest_part = max(re.split(r"[/_+-]", core), key=len)
    if len(core) < _RANDOM_LENGTH or re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", longest_part):
        return False
    classes = ["d" if sign.isdigit() else "u" if sign.isupper() else "l" if sign.islower() else "s" for sign in core]
    switches = sum(a != b for a, b in pairwise(classes)) / (len(core) - 1)
    longest = max(len(run.group()) for run in re.finditer(r"l+|u+|d+|s+", "".join(classes)))
    separators = classes.count("s") / len(core)
    return (
        switches >= 0.4
        and longest <= 7
        and classes.count("d") >= 3
        and separators <= 0.1
        and len(set(core)) >= min(16, len(core) // 2)
    )


def _decoded(text: str, depth: int) -> Iterator[str]:
    """Yield the decoded forms in which other programs may read the text, excluding the text itself."""
    views = set() if text.isascii() else {unicodedata.normalize("NFKC", text)}
    if _ENCODED.search(text):
        views |= {unquote(text), html.unescape(text), _unescaped(text)}
    for match in _TOKEN.finditer(text):
        views |= {decoded for decoded in (_base64(match.group()),) if decoded}
    for match in _HEX.finditer(text):
        views |= {decoded for decoded in (_hexadecimal(match.group()),) if decoded}
    for view in sorted(views - {text}):
        yield view
        if depth > 1:
            yield from _decoded(view[:LONGEST], depth - 1)


def _unescaped(text: str) -> str:
    def sign(match: re.Match[str]) -> str:
        code = int(match[1] or match[2] or match[3], 8 if match[3] else 16)
        return chr(code) if code < 0x110000 else ""

    return re.sub(r"\\(?:u\{?([0-9A-Fa-f]{4,6})\}?|x([0-9A-Fa-f]{2})|([0-7]{3}))", sign, text)


def _base64(token: str) -> str:
    plain = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _printable(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _hexadecimal(token: str) -> str:
    digits = re.sub(r"[\s:]|0x", "", token)
    return _printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _printable(decoded: bytes) -> str:
    """Return decoded bytes as text, or an empty string if they are not printable text."""
    for encoding in ("utf-8", "utf-16"):
        try:
            text = decoded.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text and sum((sign.isprintable() and sign.isascii()) or sign in "\r\n\t" for sign in text) / len(text) > 0.9:
            return text
    return ""
