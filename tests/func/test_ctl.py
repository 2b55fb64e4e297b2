"""rempartctl as scripts and operators call it: exit statuses, one sentence on standard error, JSON for every command that answers."""
import json
import socket
import subprocess

import pytest

from conftest import ROOT
from labkit.daemon import BIN
from sip import Peer, register

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3
ACCESS = ("198.51.100.11", 5060)


def ctl(*args, **kw):
    return subprocess.run([BIN / "rempartctl", *args], capture_output=True, text=True, timeout=10, check=False, **kw)


def on(sbc, *args):
    return ctl("--socket", sbc.run_dir / "control.sock", *args)


def one_sentence(r):
    assert r.stdout == "" and r.stderr.count("\n") == 1 and r.stderr.startswith("rempartctl: "), (r.stdout, r.stderr)
    return r.stderr


@pytest.mark.parametrize("words", ["status", "calls", "reg list", "metrics"])
def test_each_answer_is_a_table_or_json(sbc, words):
    table = on(sbc, *words.split())
    assert table.returncode == OK and table.stdout and not table.stderr
    for form in (["-o", "json"], ["-ojson"], ["-o=json"]):
        r = on(sbc, *words.split(), *form)
        assert r.returncode == OK and isinstance(json.loads(r.stdout), dict)


@pytest.mark.parametrize("form", ["table", "json"])
def test_who_is_not_registered_is_a_failure_in_either_form(lab, sbc, form):
    r = on(sbc, "reg", "show", "nobody", "-o", form)
    assert r.returncode == FAILED
    assert r.stderr == "rempartctl: nobody has no contact registered\n"
    if form == "json":
        assert json.loads(r.stdout)["registrations"] == []
    with Peer(lab, "peer", "198.51.100.66", user="alice") as alice:
        register(alice, ACCESS, "wonderland")
        r = on(sbc, "reg", "show", "alice", "-o", form)
        assert r.returncode == OK and "198.51.100.66" in r.stdout and not r.stderr
        register(alice, ACCESS, "wonderland", expires=0)


@pytest.mark.parametrize("args", [["show", "0000000000000001"], ["end", "0000000000000001"], ["show", "xyz"], ["show", "../status"]])
def test_no_such_call(sbc, args):
    for form in ("table", "json"):
        r = on(sbc, "call", *args, "-o", form)
        assert r.returncode == FAILED
        one_sentence(r)


@pytest.mark.parametrize("words", ["trunk list", "trunk test t", "route test --from realm/access --called 1", "config check x", "config diff x",
                                   "config apply x", "ban list", "ban add 192.0.2.1", "ban del 192.0.2.1", "drain", "cert reload"])
def test_what_is_not_there_yet_says_so(sbc, words):
    r = on(sbc, *words.split(), "-o", "json")
    assert r.returncode == FAILED and "is not supported yet" in one_sentence(r)


@pytest.mark.parametrize("words", ["", "fly", "call", "call show", "status now", "status -o xml", "status --fast", "status --socket", "reg"])
def test_usage(words):
    r = ctl(*words.split())
    assert r.returncode == USAGE
    one_sentence(r)


@pytest.mark.parametrize("words", ["status", "call show 1", "metrics"])
def test_nobody_there(tmp_path, words):
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(dead))
    for path in (tmp_path / "absent.sock", dead, ROOT / "README.md", "/" + "x" * 200):
        r = ctl(*words.split(), "--socket", path)
        assert r.returncode == UNREACHABLE
        assert "rempartd running" in one_sentence(r) or "too long" in r.stderr


def test_help_and_version():
    r = ctl("--help")
    assert r.returncode == OK and "call show" in r.stdout and "Exit:" in r.stdout
    assert ctl("--version").stdout.startswith("rempartctl ")


def test_status_names_what_an_operator_asks_for_first(sbc):
    s = sbc.ctl("status")
    assert s["node"] and s["generation"] == 1 and s["state"] == "running"
    assert s["calls"] == 0 and s["registrations"] == 0 and s["trunks"] == [] and "cps" in s
    assert [w["worker"] for w in s["lcores"]] == [0] and s["lcores"][0]["polls"] >= s["lcores"][0]["polls_empty"] > 0
    assert s["media"]["up"] and isinstance(s["media"]["drops"], dict)
