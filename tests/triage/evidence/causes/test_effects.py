"""What a diff can do to a running system, in the languages that shops are written in."""

from __future__ import annotations

import pytest

from triage.evidence.causes.diff import read_diff
from triage.evidence.causes.effects import Effect, effects_of
from triage.evidence.causes.modes import Mode


def worst(diff: str) -> Effect:
    return effects_of(read_diff(diff))[0]


HARMFUL = {
    "go: a nil check goes": (
        (
            "-\tif order.Coupon == nil {\n-\t\treturn 0\n-\t}\n-\treturn order.Coupon.Cut\n"
            "+\treturn order.Coupon.Cut\n"
        ),
        Mode.CRASH,
    ),
    "java: an Optional is no longer asked": (
        (
            "-    if (basket.isPresent()) { total += basket.get().sum(); }\n"
            "+    total += basket.get().sum();\n"
        ),
        Mode.CRASH,
    ),
    "sql: the bound of a query goes": (
        (
            "-SELECT id FROM carts WHERE shop = $1 ORDER BY seen LIMIT 200\n"
            "+SELECT id FROM carts WHERE shop = $1 ORDER BY seen\n"
        ),
        Mode.SLOW,
    ),
    "sql: an index is dropped": ("+DROP INDEX idx_orders_customer;\n", Mode.DATABASE),
    "go: a call in a loop": (
        (
            " for _, line := range cart.Lines {\n"
            "+\tstock, err := c.stock.Lookup(ctx, line.SKU)\n"
            "+\tif err != nil { return err }\n"
            " }\n"
        ),
        Mode.LOAD,
    ),
    "python: a call in a loop": (
        " for line in cart.lines:\n+    price = session.execute(price_of(line.sku))\n",
        Mode.DATABASE,
    ),
    "yaml: the log level": ("-  level: warn\n+  level: debug\n", Mode.DISK),
    "yaml: memory is taken away": ("-    memory: 1Gi\n+    memory: 256Mi\n", Mode.MEMORY),
    "yaml: fewer copies": ("-  replicas: 12\n+  replicas: 2\n", Mode.CPU),
    "ts: a timeout": ("-  timeout: 5000,\n+  timeout: 400,\n", Mode.TIMEOUT),
    "go: waiting between tries goes": (
        "-\t\ttime.Sleep(backoff.Next(attempt))\n \t\tresp, err = c.do(req)\n",
        Mode.LOAD,
    ),
    "go: a response is not closed": ("-\tdefer resp.Body.Close()\n", Mode.HANDLES),
    "java: a lock around a method": (
        "-    public Quote quote(Basket b) {\n+    public synchronized Quote quote(Basket b) {\n",
        Mode.LOCK,
    ),
    "python: the cache is passed by": (
        "-    return cache.get_or_set(key, load)\n+    return load()\n",
        Mode.CACHE,
    ),
    "go: paying twice is no longer prevented": (
        "-\tif seen, _ := s.idempotency.Seen(key); seen { return nil }\n",
        Mode.WRONG,
    ),
    "npm: a major step": ('-    "avro-js": "1.11.3",\n+    "avro-js": "2.0.1",\n', Mode.FORMAT),
    "go: tolerance for clocks goes": (
        "-\tif exp.Add(leeway).Before(now) {\n+\tif exp.Before(now) {\n",
        Mode.ACCESS,
    ),
    "ts: money is rounded in another way": (
        "-  return Math.round(net * rate * 100) / 100\n+  return net * rate\n",
        Mode.WRONG,
    ),
    "ts: a fallback goes": (
        (
            "-  const all = await Promise.allSettled(parts.map(load));\n"
            "+  const all = await Promise.all(parts.map(load));\n"
        ),
        Mode.CRASH,
    ),
    "python: a sum is divided by what may be zero": (
        "-    return Plan(used=used)\n+    return Plan(used=used, share=round(used / room, 3))\n",
        Mode.CRASH,
    ),
    "go: the next element of the last": (
        (
            "-\t\tout = append(out, Offer{Start: w.Start})\n"
            "+\t\tout = append(out, Offer{Start: w.Start, Next: ws[i+1].Start})\n"
        ),
        Mode.CRASH,
    ),
    "ts: entries end at once": (
        (
            "-export const life = () => 480 + Math.floor(Math.random() * 240);\n"
            "+export const LIFE_S = 600;\n"
        ),
        Mode.CACHE,
    ),
    "terraform: a narrower network": (
        '-  cidr_blocks = ["10.1.0.0/16"]\n+  cidr_blocks = ["10.1.0.0/18"]\n',
        Mode.TARGET,
    ),
    "python: loaded one by one": (
        '-    return orders.select_related("customer")\n+    return orders\n',
        Mode.DATABASE,
    ),
    "ts: others are asked each time": (
        (
            "-    return decide(this.rules[name], who);\n"
            "+    const rules = await this.source.get(`/rules/${name}`);\n"
            "+    return decide(rules, who);\n"
        ),
        Mode.LOAD,
    ),
    "yaml: fields get other names": ("+    property-naming-strategy: SNAKE_CASE\n", Mode.FORMAT),
}


@pytest.mark.parametrize(("diff", "mode"), HARMFUL.values(), ids=HARMFUL)
def test_a_harmful_diff_names_how_it_can_fail(diff: str, mode: Mode) -> None:
    assert any(
        mode in effect.modes and effect.harm >= 0.5 for effect in effects_of(read_diff(diff))
    )


HARMLESS = {
    "a helper is drawn out": (
        "-\tf, err := os.OpenFile(path, flags, 0644)\n-\tif err != nil {\n-\t\treturn err\n-\t}\n"
        "-\tdefer f.Close()\n-\t_, err = f.Write(line)\n-\treturn err\n"
        "+\treturn writeLine(path, line)\n"
        "+}\n+\n+func writeLine(path string, line []byte) error {\n"
        "+\tf, err := os.OpenFile(path, flags, 0644)\n+\tif err != nil {\n+\t\treturn err\n+\t}\n"
        "+\tdefer f.Close()\n+\t_, err = f.Write(line)\n+\treturn err\n"
    ),
    "a name is changed": ("-\tc := r.Context()\n-\treturn fetch(c, q)\n"
                          "+\tctx := r.Context()\n+\treturn fetch(ctx, q)\n"),
    "a comment is changed": "-// retries with backoff, holds the lock\n+// see the notes\n",
    "a guard comes": "+\tif len(items) == 0 { return nil, nil }\n",
    "a resource is given back": " \tresp, err := client.Do(req)\n+\tdefer resp.Body.Close()\n",
    "a patch of a dependency": "-\texample.com/pool/v5 v5.5.4\n+\texample.com/pool/v5 v5.5.5\n",
    "a little more room": "-  entries: 50000\n+  entries: 60000\n",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("diff", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_diff_has_no_strong_effect(diff: str) -> None:
    assert all(effect.harm < 0.3 for effect in effects_of(read_diff(diff)))


def test_a_setting_is_told_with_its_name_and_both_values_in_seconds() -> None:
    effect = worst("-\tDefaultTTL: 15 * time.Minute,\n+\tDefaultTTL: 15 * time.Second,\n")

    assert effect.text == "DefaultTTL is lowered from 900 to 15"
    assert (effect.old, effect.new) == (900.0, 15.0)


def test_the_same_step_up_and_down_is_not_the_same_harm() -> None:
    down = worst("-  max_connections: 50\n+  max_connections: 10\n")
    up = worst("-  max_connections: 10\n+  max_connections: 50\n")

    assert down.harm > 2 * up.harm


def test_a_diff_of_any_length_is_read_in_bounds() -> None:
    line = "-\tif a == nil { return }\n+\tif b { go(x) }\n"

    assert effects_of(read_diff(line * 50_000)) is not None
    assert len(read_diff(line * 50_000).lines) <= 400


@pytest.mark.parametrize("number", ["9" * 400, "0." + "0" * 320 + "1", "0", "1" * 5_000])
def test_numbers_of_any_size_are_read(number: str) -> None:
    effects = effects_of(
        read_diff(f"-  most: {number}\n+  most: 5\n-  least: 5\n+  least: {number}\n")
    )

    assert all(0 <= effect.harm <= 1 for effect in effects)


def test_a_line_of_any_length_is_read_in_part() -> None:
    """One minified line on each side: their likeness is not worth minutes."""
    line = "0," * 10_000

    assert read_diff(f"-1,{line}\n+2,{line}\n").pairs
