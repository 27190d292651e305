"""What HAProxy is given for given apps: each folder of tests/golden is a case.

`apps.json` is Marathon's answer; beside it lie the haproxy.cfg and maps that have to come of it. A case may
hold the operator's own `templates/HAPROXY_<NAME>`, in `options.json` fields of Process and `default_app`,
and in `vips.json` the VIPs with groups of their own. To accept what comes of them now, and look at the
difference:

    GOLDEN=write .venv/bin/pytest tests/unit/haproxy/test_golden_configurations.py && git diff tests/golden
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import commands
from appliance.haproxy import certificates, kept_states, operator_texts
from appliance.haproxy.catalogue import PARTS
from appliance.haproxy.model import Access, Process
from appliance.haproxy.render import render
from appliance.marathon import wire
from appliance.services.label_catalogue import LABELS
from appliance.services.model import Selection, Texts, Vip
from appliance.services.translate import translate

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
CASES = sorted(case.name for case in GOLDEN.iterdir() if (case / "apps.json").exists())
NODE = Process(
    folder="/var/lib/marathon-ha-appliance/haproxy",
    socket="/run/marathon-ha-appliance/haproxy.sock",
    generator_socket="/run/marathon-ha-appliance/lb/lb.sock",
    file_descriptors=20000,
    certificates=("/etc/ssl/cert.pem",),
    user="haproxy",
    group="marathon-ha",
)


def doors(case):
    file = GOLDEN / case / "vips.json"
    asked = json.loads(file.read_text()) if file.exists() else ()
    return tuple(Vip(address, tuple(groups)) for address, groups in asked)


def load_balancer(case):
    cluster = wire.apps((GOLDEN / case / "apps.json").read_bytes())
    overridden, notices = operator_texts.read(GOLDEN / case, {})
    texts = Texts(operator_texts.built_in(), overridden)
    default_app = options(case).get("default_app")
    vips = doors(case)
    groups = tuple(group for vip in vips for group in vip.groups) or ("external",)
    default = default_app and tuple(default_app)
    found = translate(cluster, Selection(groups, texts=texts, default_app=default, vips=vips), {})
    assert not found.quarantined
    assert not notices
    return found.load_balancer


def options(case):
    path = GOLDEN / case / "options.json"
    return json.loads(path.read_text()) if path.exists() else {}


def as_asked(case, process):
    asked = options(case)
    asked.pop("default_app", None)
    if "access" in asked:
        asked["access"] = Access(**{name: tuple(values) for name, values in asked["access"].items()})
    process = replace(process, **asked)
    return replace(process, texts=operator_texts.read(GOLDEN / case, {})[0])


@pytest.mark.parametrize("case", CASES)
def test_the_same_apps_give_the_same_configuration(case):
    rendered = render(load_balancer(case), as_asked(case, NODE))
    made = {"haproxy.cfg": rendered.config, **{name: text for name, text in rendered.maps.items() if text}}
    if os.environ.get("GOLDEN") == "write":
        for name, text in made.items():
            (GOLDEN / case / name).write_text(text)
    kept = {
        path.name: path.read_text() for path in (GOLDEN / case).iterdir() if path.suffix in {".cfg", ".map"}
    }
    assert made == kept


@pytest.mark.parametrize("case", CASES)
def test_haproxy_accepts_it_without_a_warning(case, tmp_path):
    certificate, _ = certificates.self_signed(tmp_path)
    here = Process(str(tmp_path), f"{tmp_path}/h.sock", f"{tmp_path}/lb.sock", 20000, (certificate,))
    rendered = render(load_balancer(case), as_asked(case, here))
    (tmp_path / rendered.maps_folder).mkdir()
    for name, text in rendered.maps.items():
        (tmp_path / rendered.maps_folder / name).write_text(text)
    (tmp_path / kept_states.NAME).write_text(kept_states.NOTHING)
    (tmp_path / "haproxy.cfg").write_text(rendered.config.replace("/etc/ssl/shop.pem", certificate))
    done = commands.run(["haproxy", "-c", "-f", tmp_path / "haproxy.cfg"])
    assert (done.code, done.output + done.errors) == (0, "Configuration file is valid\n")


@pytest.mark.parametrize("case", CASES)
def test_no_frontend_has_the_name_of_a_backend(case):
    words = [line.split() for line in render(load_balancer(case), as_asked(case, NODE)).config.splitlines()]
    names = {
        kind: [line[1] for line in words if line[:1] == [kind]] for kind in ("frontend", "backend", "listen")
    }
    every = [name for found in names.values() for name in found]
    assert len(every) == len(set(every))


NOT_READ = {
    *("HAPROXY_APP_ID", "HAPROXY_DEPLOYMENT_ALT_PORT", "HAPROXY_DEPLOYMENT_COLOUR"),
    *(f"HAPROXY_{{n}}_{part.name}" for part in PARTS if not part.used),
}
"""Labels that are for others, or without effect in marathon-lb, too."""


def labels_by_effect(case, known):
    """The labels of a case, and those without which it is another; those that are `known` need no look."""
    document = json.loads((GOLDEN / case / "apps.json").read_text())
    whole, seen, matter = made(case, document), set(), set()
    for app in document["apps"]:
        for label in list(app.get("labels") or ()):
            name = re.sub("_[0-9]+_", "_{n}_", label, count=1)
            seen.add(name)
            if name not in known | matter:
                value = app["labels"].pop(label)
                if made(case, document) != whole:
                    matter.add(name)
                app["labels"][label] = value
    return seen, matter


def made(case, document):
    texts = Texts(operator_texts.built_in(), operator_texts.read(GOLDEN / case, {})[0])
    vips = doors(case)
    groups = tuple(group for vip in vips for group in vip.groups) or ("external",)
    cluster = wire.apps(json.dumps(document).encode())
    return render(
        translate(cluster, Selection(groups, texts=texts, vips=vips), {}).load_balancer, as_asked(case, NODE)
    )


def test_each_label_has_a_case_in_which_it_matters():
    seen, matter = set(), set()
    for case in CASES:
        in_case, with_effect = labels_by_effect(case, matter)
        seen |= in_case
        matter |= with_effect
    names = {f"HAPROXY_{{n}}_{part.name}" for part in PARTS if part.by_label} | {one.name for one in LABELS}
    assert sorted(names - seen) == []
    assert sorted(names - NOT_READ - matter) == []


def test_each_part_that_only_an_operator_may_write_has_a_case_in_which_it_matters():
    written, matter = set(), set()
    for path in GOLDEN.glob("*/templates/*"):
        case, name = path.parents[1].name, path.name.removeprefix("HAPROXY_")
        written.add(name)
        whole = as_asked(case, NODE)
        fewer = replace(whole, texts={key: text for key, text in whole.texts.items() if key != name})
        texts = Texts(operator_texts.built_in(), fewer.texts)
        document = (GOLDEN / case / "apps.json").read_bytes()
        without = translate(wire.apps(document), Selection(("external",), texts=texts), {}).load_balancer
        if render(without, fewer) != render(load_balancer(case), whole):
            matter.add(name)
    assert sorted({part.name for part in PARTS if not part.by_label} - written) == []
    assert sorted({part.name for part in PARTS if not part.by_label and part.used} - matter) == []


def test_ports_80_and_443_can_be_left_out():
    text = render(load_balancer("tutorial"), replace(NODE, bind_http_https=False, certificates=())).config
    assert "*:80\n" not in text
    assert "*:443" not in text
    assert "*:9091" in text
