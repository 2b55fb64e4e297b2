"""What an operator watches: /metrics as a strict scraper reads it, the probes, and the log as JSON at its most talkative, through whole calls."""
import hashlib
import http.client
import json
import re

import pytest

from conftest import CONFIG
from labkit.daemon import wait_for
from parties import call, hang_up, no_calls
from prometheus import parse

REQUIRED_KEYS = {"ts", "level", "prog", "mod", "event"}


@pytest.fixture(scope="module")
def sbc_config():
    return CONFIG.replace("observability: {", "observability: {log: {format: json, level: debug}, ")


def get(lab, path, method="GET"):
    """Status, content type and body of one request to observability.http."""
    c = http.client.HTTPConnection("127.0.0.1", 8080)
    c.sock = lab.tcp("sbc", "127.0.0.1", ("127.0.0.1", 8080))
    try:
        c.request(method, path)
        r = c.getresponse()
        return r.status, r.getheader("Content-Type"), r.read().decode()
    finally:
        c.close()


def metrics(lab):
    status, kind, text = get(lab, "/metrics")
    assert status == 200 and kind.startswith("text/plain; version=0.0.4")
    return parse(text)


def test_metrics_are_strict_prometheus_text_and_count_a_call(lab, sbc, alice, bob):
    before = metrics(lab)
    assert all(name.startswith("rempart_") for name in before)
    a, b, _ = call(alice, bob)
    hang_up(a, b)
    no_calls(sbc)
    after = metrics(lab)
    for name, family in before.items():
        assert after[name].kind == family.kind
        if family.kind == "counter":
            assert name.endswith("_total"), name
            for labels, value in family.samples.items():
                assert after[name].samples[labels] >= value, f"{name}{labels} went back"
    total = "rempart_calls_total"
    assert after[total].value() == before[total].value() + 1


def test_labels_name_no_user_and_no_call(lab, sbc, alice, bob):
    a, b, _ = call(alice, bob)
    call_id = sbc.ctl("calls")["calls"][0]["id"]
    text = get(lab, "/metrics")[2]
    hang_up(a, b)
    for secret in ("alice", "bob", "wonderland", call_id, alice.ip):
        assert secret not in text


def test_metrics_are_the_same_on_the_socket(lab, sbc):
    over_socket = parse(sbc.ctl_text("metrics"))
    assert {n: f.kind for n, f in over_socket.items()} == {n: f.kind for n, f in metrics(lab).items()}
    as_json = sbc.ctl("metrics")["metrics"]
    assert len(as_json) == sum(len(f.samples) for f in over_socket.values())


def test_probes(lab, sbc):
    assert get(lab, "/healthz")[0] == 200
    wait_for("readiness", lambda: get(lab, "/readyz")[0] == 200)
    assert get(lab, "/nosuch")[0] == 404
    assert get(lab, "/metrics", "POST")[0] == 405


def test_log_lines_are_json_that_names_the_call_and_keeps_secrets(lab, sbc, alice, bob):
    a, b, _ = call(alice, bob)
    call_id = sbc.ctl("calls")["calls"][0]["id"]
    assert re.fullmatch("[0-9a-f]{16}", call_id)
    hang_up(a, b)
    no_calls(sbc)
    text = sbc.log.read_text()
    lines = [json.loads(x) for x in text.splitlines() if not re.match(r"\S+:\d+:\d+: warning: the secret of ", x)]
    for x in lines:
        assert REQUIRED_KEYS <= x.keys(), x
    assert {"rempartd", "control", "dataplane"} <= {x["prog"] for x in lines}
    assert any(x["level"] == "debug" for x in lines)
    assert all(re.fullmatch("[0-9a-f]{16}", x["call"]) for x in lines if "call" in x)
    assert {"begin", "state", "end"} <= {x["event"] for x in lines if x.get("call") == call_id}
    for user, password in (("alice", "wonderland"), ("bob", "builder"), ("carol", "christmas")):
        assert password not in text
        for realm in ("access", "core", "198.51.100.11", "10.77.0.11"):
            assert hashlib.md5(f"{user}:{realm}:{password}".encode()).hexdigest() not in text
    assert not re.search(r"(?i)(response|nonce|cnonce|opaque)\s*=", text)
    assert "Authorization" not in text


@pytest.mark.parametrize("text", [
    "a 1\n", "# HELP a x\na 1\n", "# TYPE a gauge\n# HELP a x\na 1\n", "# HELP a x\n# TYPE a gauge\na 1\na 1\n", "# HELP a x\n# TYPE a gauge\na 1",
    '# HELP a x\n# TYPE a gauge\na{l="1",l="2"} 1\n', '# HELP a x\n# TYPE a gauge\na{l="1"} 1\na{l="1"} 2\n', "# HELP a x\n# TYPE a meter\na 1\n",
    "# HELP a x\n# TYPE a gauge\nb 1\n", "# HELP a x\n# TYPE a gauge\na one\n", '# HELP a x\n# TYPE a gauge\na{l="} 1\n', "# HELP a x\na 1\n\n",
    "# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n", "# HELP a x\n"])
def test_the_reader_of_metrics_is_strict(text):
    with pytest.raises(AssertionError):
        parse(text)
