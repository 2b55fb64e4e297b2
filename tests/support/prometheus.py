"""The Prometheus text format 0.0.4, read more strictly than Prometheus does: what it would forgive is an AssertionError here."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
VALUE = re.compile(r"-?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)|NaN")
KINDS = {"counter", "gauge", "histogram", "summary", "untyped"}


class Family:
    """One metric: its help, its type, and its samples by their labels, a tuple of pairs in alphabetical order."""

    def __init__(self, help_text):
        self.help, self.kind, self.samples = help_text, None, {}

    def value(self, **labels):
        return self.samples[tuple(sorted(labels.items()))]


def labels_of(text):
    found, at = [], 0
    while at < len(text):
        m = LABEL.match(text, at)
        assert m, f"labels: {text}"
        assert m.group(3) == "," or m.end() == len(text), f"labels: {text}"
        found.append((m.group(1), m.group(2)))
        at = m.end()
    names = [n for n, _ in found]
    assert len(set(names)) == len(names), f"a label twice: {text}"
    return tuple(sorted(found))


def parse(text):
    """{name: Family}. HELP, then TYPE, then the samples, each family in one piece, no sample twice, no empty family or help."""
    assert text.endswith("\n"), "the last line has no end"
    families, name = {}, None
    for line in text[:-1].split("\n"):
        if m := re.fullmatch(rf"# HELP ({NAME}) (.+)", line):
            name = m.group(1)
            assert name not in families, f"in two pieces: {line}"
            families[name] = Family(m.group(2))
        elif m := re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line):
            assert m.group(1) == name and families[name].kind is None, f"TYPE without its HELP, or twice: {line}"
            assert m.group(2) in KINDS and not families[name].samples, line
            families[name].kind = m.group(2)
        else:
            m = SAMPLE.fullmatch(line)
            assert m, f"not a sample: {line}"
            assert m.group(1) == name and families[name].kind, f"before its HELP and TYPE: {line}"
            assert VALUE.fullmatch(m.group(3)), f"not a number: {line}"
            labels = labels_of(m.group(2) or "")
            assert labels not in families[name].samples, f"twice: {line}"
            families[name].samples[labels] = float(m.group(3))
    for name, f in families.items():
        assert f.kind, f"no TYPE: {name}"
    return families
