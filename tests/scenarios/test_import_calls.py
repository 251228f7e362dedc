"""Call graphs from outside: what is read, what is estimated, and that the scenario does what the spans did."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.summary import summarise
from scenarios.imports import import_calls, write_scenario
from scenarios.imports.fit import fit_lognormal
from scenarios.imports.graphs import calls_of, service_names, slug
from scenarios.imports.visits import Visit, follows, merged, visits_of
from scenarios.loads import offered_loads
from scenarios.readers import InputError
from scenarios.readers.dependencies import read_dependencies
from scenarios.readers.spans import read_spans, service_of
from scenarios.reading import load
from simulator.laws import Lognormal
from tests.helpers import finished, run
from tests.scenarios.spans import CHANCE, HEADER, LAWS, MS, shop_requests, write_spans


def visit(service, start, end, *children):
    return Visit((service, "/go"), service, start * MS, end * MS, list(children))


def planned(*roots):
    top = merged(list(roots))
    names = service_names(each.key for root in roots for each in root.all())
    return {call.name: call for call in calls_of(top, names, "x.csv")}


def imported(path, out, **options):
    write_scenario(import_calls(path, out, **options), out)
    return load(out)


def test_pods_are_told_from_services():
    assert service_of("ts-order-service-5b67c48447-mv5hb") == "ts-order-service"
    assert service_of("ts-preserve-service-b5ccf8557-j4txs") == "ts-preserve-service"
    assert service_of("node-agent-x7k2p") == "node-agent"
    for name in ("front", "checkout-service", "redis-cache", "my-proxy-https", "mysql-0", "v2-api"):
        assert service_of(name) == name


def test_operations_become_names():
    assert slug("/api/v1/orderservice/order/{orderId}") == "orderservice-order-orderId"
    names = service_names([("order", "/api/v1/orderservice/order/{id}"), ("order", "Order.find"), ("pay", "/x"), ("a.b", "x"), ("a-b", "x")])
    assert list(names.values()) == ["order/order-id", "order/Order-find", "pay", "a-b", "a-b-2"]


def test_self_time_is_the_span_minus_the_union_of_its_children():
    assert visit("a", 0, 10).self_time() == 10 * MS
    assert visit("a", 0, 10, visit("b", 2, 5), visit("c", 4, 6), visit("d", 8, 9)).self_time() == 5 * MS
    assert visit("a", 0, 10, visit("b", 1, 9), visit("c", 2, 3)).self_time() == 2 * MS
    assert visit("a", 5, 10, visit("b", 3, 6), visit("c", 9, 14)).self_time() == 3 * MS  # clipped at both ends


def test_spans_of_one_service_are_one_visit(tmp_path):
    spans = [("1", "root", "a", "/x", 0, 20), ("2", "1", "a", "inner", 1, 19), ("3", "2", "a", "client", 5, 15), ("4", "3", "b", "/y", 6, 12)]
    rows = [("t", *span) for span in spans]
    tree = read_spans(write_spans(tmp_path / "s.csv", rows)).trees[0]
    top = visits_of(tree)
    assert (top.self_time(), [child.key for child in top.children]) == (14 * MS, [("b", "/y")])
    assert [each.self_time() // MS for each in sorted(visits_of(tree, "operation").all(), key=lambda each: each.start)] == [2, 8, 4, 6]


def test_order_by_times():
    assert follows((5 * MS, 9 * MS), (0, 5 * MS)) and not follows((4 * MS, 9 * MS), (0, 8 * MS))
    assert follows((95 * MS // 10, 200 * MS), (0, 10 * MS))  # half a millisecond of 10 is what clocks explain
    assert not follows((8 * MS, 200 * MS), (0, 10 * MS))
    calls = planned(visit("a", 0, 30, visit("b", 1, 10, visit("x", 2, 9)), visit("c", 5, 12), visit("d", 13, 20)))
    assert {name: call.after for name, call in calls.items()} == {"a": [], "b": ["a"], "x": ["b"], "c": ["a"], "d": ["x", "c"]}


def test_side_by_side_and_one_after_another():
    calls = planned(visit("a", 0, 50, visit("b", 1, 10), visit("b", 2, 11), visit("b", 20, 30)))
    assert [(call.name, call.fan_out, call.after) for call in calls.values()] == [("a", 1, []), ("b", 2, ["a"]), ("b-2", 1, ["b"])]
    below = planned(visit("a", 0, 50, visit("b", 1, 10, visit("c", 2, 9)), visit("b", 2, 11, visit("c", 3, 8))))
    assert (below["b"].fan_out, below["c"].fan_out, below["c"].after) == (2, 2, ["b"])


def test_widths_that_vary_are_rounded_and_said():
    calls = planned(*(visit("a", 0, 50, *(visit("b", 1, 10) for _ in range(n))) for n in (1, 3, 3)))
    assert calls["b"].fan_out == 2 and calls["b"].comment == "side by side 1 (1 times), 3 (2 times), mean 2.33 rounded"


def test_probabilities_and_what_follows_a_call_that_may_not_run():
    with_b = visit("a", 0, 50, visit("b", 1, 10), visit("c", 11, 20), visit("d", 21, 30))
    without = visit("a", 0, 50, visit("d", 21, 30))
    calls = planned(with_b, without, without, without)
    assert (calls["b"].probability, calls["b"].comment) == (0.25, "1 of 4")
    assert (calls["c"].probability, calls["c"].after) == (1.0, ["b"])  # never without b
    assert calls["d"].after == ["a", "c"] and calls["d"].certain
    again = planned(visit("a", 0, 50, visit("b", 1, 5), visit("b", 6, 9)), visit("a", 0, 50, visit("b", 1, 5)), visit("a", 0, 50))
    assert [again[name].probability for name in ("b", "b-2")] == [pytest.approx(2 / 3), pytest.approx(1 / 2)]
    assert again["b-2"].after == ["b"]


def test_exclusive_choices():
    roots = [visit("a", 0, 50, visit(name, 1, 10), visit("z", 11, 12)) for name in "bcd"]
    calls = planned(*roots)
    assert [(calls[name].one_of, calls[name].probability) for name in "bcd"] == [("a-choice", 0.3334), ("a-choice", 0.3333), ("a-choice", 0.3333)]
    assert calls["z"].after == ["a", "b", "c", "d"]
    open_end = planned(*roots, visit("a", 0, 50, visit("z", 11, 12)))
    assert [open_end[name].one_of for name in "bcd"] == [""] * 3 and open_end["b"].probability == 0.25


def test_cycles_of_spans_are_named(tmp_path):
    rows = [("t", "1", "root", "a", "/x", 0, 9), ("t", "p", "r", "b", "/y", 1, 2), ("t", "q", "p", "c", "/y", 1, 2), ("t", "r", "q", "c", "/y", 1, 2)]
    with pytest.raises(InputError, match=r"s\.csv:3: the spans of trace 't' form a cycle: p -> q -> r -> p"):
        read_spans(write_spans(tmp_path / "s.csv", rows))
    rows = [("t", "1", "root", "a", "/x", 0, 9), ("t", "2", "2", "b", "/y", 1, 2)]
    with pytest.raises(InputError, match="form a cycle: 2 -> 2"):
        read_spans(write_spans(tmp_path / "s.csv", rows))


@pytest.mark.parametrize(
    "row, message",
    [
        ("t,1,root,a,/x,5,4,0", "ends before it starts"),
        ("t,1,root,a,/x,5.5,6,0", "expected nanoseconds"),
        ("t,1,root,a,,5,6,0", "OperationName: expected a name"),
        ("t,1,root,a,/x,5,6", "expected 8 fields, found 7"),
        ("t,1,2,a,/x,5,6,0", "no span is a root"),
    ],
)
def test_bad_spans(tmp_path, row, message):
    path = write_spans(tmp_path / "s.csv", [])
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(InputError, match=message):
        read_spans(path)


def test_spans_without_their_parent_are_left_out_and_counted(tmp_path):
    rows = [("t", "1", "root", "a", "/x", 0, 9), ("t", "2", "lost", "b", "/y", 1, 2), ("t", "3", "2", "c", "/y", 1, 2), ("t", "4", "1", "d", "/y", 1, 12)]
    found = read_spans(write_spans(tmp_path / "s.csv", rows))
    assert (found.orphans, found.outside, found.spans) == (2, 1, 4)
    assert [each.key[0] for each in visits_of(found.trees[0]).all()] == ["a", "d"]


def test_a_fit_recovers_its_law_and_is_judged():
    generator = np.random.default_rng(5)
    n = 4000
    fit = fit_lognormal(0.008 * np.exp(0.7 * generator.standard_normal(n)))
    assert abs(np.log(fit.median / 0.008)) < 4 * 0.7 / np.sqrt(n)
    assert abs(fit.sigma - 0.7) < 4 * 0.7 / np.sqrt(2 * n)
    assert fit.distance < fit.limit and "fits" in fit.words()
    other = fit_lognormal(generator.uniform(0.001, 0.002, n))
    assert other.distance > other.limit and "does not fit" in other.words()
    assert fit_lognormal([0.004]).words().startswith("n = 1; sigma 0.6 assumed")
    assert "2 at 0 taken as 1 us" in fit_lognormal([0.0, 0.0, 0.004]).words()


def test_the_limit_of_the_distance_refuses_one_true_law_in_twenty():
    generator = np.random.default_rng(6)
    for n in (10, 40):
        repeats = 2000
        refused = sum(fit.distance > fit.limit for fit in (fit_lognormal(np.exp(generator.standard_normal(n))) for _ in range(repeats)))
        assert abs(refused / repeats - 0.05) < 4 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    rows = shop_requests(3000, seed=11)
    return rows, imported(write_spans(folder / "spans.csv", rows), folder / "shop.yaml", nodes=3)


def test_known_laws_are_recovered_from_spans(shop):
    rows, loaded = shop
    counts = {"front": 3000, "auth": 3000, "item": 9000, "stock": 9000, "pay": sum(row[3] == "pay" for row in rows)}
    for name, (median, sigma) in LAWS.items():
        law = loaded.scenario.services[name].service_time
        assert isinstance(law, Lognormal)
        assert abs(np.log(1e3 * law.median / median)) < 4 * sigma / np.sqrt(counts[name]) + 1e-3  # written with four digits
        assert abs(law.sigma - sigma) < 4 * sigma / np.sqrt(2 * counts[name]) + 1e-3


def test_the_shape_is_recovered_from_spans(shop):
    _, loaded = shop
    calls = {call.name: call for call in loaded.scenario.applications["front"].calls}
    assert {name: list(call.after) for name, call in calls.items()} == {
        "front": [], "auth": ["front"], "item": ["auth"], "stock": ["item"], "pay": ["stock"],
    }  # fmt: skip
    assert {name: call.fan_out for name, call in calls.items()} == {"front": 1, "auth": 1, "item": 3, "stock": 3, "pay": 1}
    assert abs(calls["pay"].probability - CHANCE) < 4 * np.sqrt(CHANCE * (1 - CHANCE) / 3000)
    rate = loaded.scenario.workload[0].arrivals.rate
    assert abs(rate - 20.0) < 4 * 20.0 / np.sqrt(3000)


def test_the_scenario_takes_as_long_as_the_spans_did(tmp_path):
    rows = shop_requests(3000, seed=12)
    rows = [row for row in rows if row[3] != "stock"]  # without stocks no copy of item has to wait for another's
    path = write_spans(tmp_path / "spans.csv", rows)
    loaded = imported(path, tmp_path / "shop.yaml", nodes=1)
    measured = np.array([row[6] - row[5] for row in rows if row[2] == "root"]) * 1e-3
    trace = run(load(loaded.path, ["network.nodes.node-0.workers=unlimited"]).scenario)
    simulated = trace.latency[trace.counted & trace.completed]
    error = np.sqrt(measured.var() / len(measured) + simulated.var() / len(simulated))
    # the laws of the file have errors of their own, as large again
    assert abs(simulated.mean() - measured.mean()) < 4 * np.sqrt(2) * error


OPERATIONS = st.sampled_from("bcde")


@st.composite
def trees(draw, depth=0):
    """A request: stages one after another, each of one to three visits side by side, three levels deep."""
    children = []
    at = 1
    for service in draw(st.lists(OPERATIONS, max_size=3 if depth < 2 else 0)):
        inner = draw(trees(depth + 1))
        length = 10 ** (3 - depth)
        children.append(shifted(inner, f"{service}{depth}", at, length))
        at += length + length // 2
    return visit("a", 0, 10 ** (4 - depth), *children)


def shifted(inner, service, at, length):
    moved = Visit((service, "/go"), service, at * MS, (at + length) * MS)
    moved.children = [Visit(child.key, child.pod, child.start + at * MS, child.end + at * MS, child.children) for child in inner.children]
    return moved


@given(st.lists(trees(), min_size=1, max_size=6))
def test_calls_are_as_many_as_the_visits(roots):
    """Whatever the requests: each operation is called as often, on average, as it was visited."""
    from simulator.callgraph import Application, CallPlan, Service

    calls = list(planned(*roots).values())
    services = {call.service: Service(call.service, [(None, 1.0, None)]) for call in calls}
    plans = [
        CallPlan(call.name, services[call.service], dict.fromkeys(call.after), None, call.probability, call.one_of or None, call.fan_out) for call in calls
    ]
    application = Application("a", plans)
    generator = np.random.default_rng(3)
    repeats = 3000
    ran: dict[str, np.ndarray] = {}
    for i, row in enumerate(generator.random((repeats, len(application.columns))).tolist()):
        runs = application.branches_taken(row)[0]
        for vertex, does in zip(application.vertices, runs, strict=True):
            ran.setdefault(vertex.service.name, np.zeros(repeats))[i] += does
    visits = [[each.key[0] for each in root.all()] for root in roots]
    for service, counts in ran.items():
        wanted = sum(own.count(service) for own in visits) / len(roots)
        assert abs(counts.mean() - wanted) < 5 * counts.std() / np.sqrt(repeats) + 1e-3 * max(wanted, 1.0)


SHOP = "Source,Target,Weight\nfront,cart,1\nfront,ads,0.5\ncart,db,3\nads,db,1\nfront,10.0.0.1,1\ncart,10.0.0.2,1\nloadgen,10.0.0.9,1\n"


def test_dependencies(tmp_path):
    (tmp_path / "d.csv").write_text(SHOP)
    graph = read_dependencies(tmp_path / "d.csv")
    assert graph.services == ("front", "cart", "ads", "db") and graph.roots() == ["front"]
    assert graph.hosts == {"front": ("10.0.0.1",), "cart": ("10.0.0.2",)} and "loadgen" in graph.notes[0]
    each = imported(tmp_path / "d.csv", tmp_path / "each.yaml").scenario
    calls = {call.name: (list(call.after), call.fan_out, call.probability) for call in each.applications["front"].calls}
    assert calls == {"front": ([], 1, 1.0), "cart": (["front"], 1, 1.0), "ads": (["front"], 1, 0.5), "db": (["cart"], 3, 1.0), "db-2": (["ads"], 1, 1.0)}
    assert {d.service: d.nodes.names for d in each.deployments}["front"] == ("host-10-0-0-1",)
    once = imported(tmp_path / "d.csv", tmp_path / "once.yaml", shared="once", weights="ignore").scenario
    assert [(call.name, list(call.after)) for call in once.applications["front"].calls][-1] == ("db", ["cart", "ads"])
    assert finished(run(once))


@pytest.mark.parametrize(
    "graph",
    [
        {"nodes": ["a", "b", "c"], "edges": [["a", "b"], ["a", "c"], ["b", "c"]]},
        {"nodes": [{"id": "a"}, {"id": "b"}, {"id": "c"}], "edges": [{"source": s, "target": t} for s, t in ("ab", "ac", "bc")]},
        {
            "nodes": [{"node": n, "label": "normal"} for n in ("USER", "a", "b", "c")],
            "edges": [{"um": s, "dm": t, "time": 1, "rpcid": "0"} for s, t in (("USER", "a"), "ab", "ac", "bc")],
            "num": 3,
        },
    ],
)
def test_json_graphs(tmp_path, graph):
    (tmp_path / "g.json").write_text(json.dumps(graph))
    scenario = imported(tmp_path / "g.json", tmp_path / "g.yaml").scenario
    assert [(call.name, list(call.after)) for call in scenario.applications["a"].calls] == [("a", []), ("b", ["a"]), ("c", ["a", "b"])]


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("g.csv", "Source,Target\na,b\nb,c\nc,a\n", r"g\.csv: the calls form a cycle: a -> b -> c -> a"),
        ("g.csv", "Source,Target\na,a\n", "form a cycle: a -> a"),
        ("g.json", '{"nodes": ["a", "b"], "edges": [["a", "b"], ["b", "a"]]}', "form a cycle: a -> b -> a"),
        ("g.json", '{"nodes": ["a"], "edges": [["a", "b"]]}', r"edges\[0\]: names the node 'b', which is not among 'nodes'"),
        ("g.json", '{"nodes": ["a"], "edges": [3]}', r"edges\[0\]: expected"),
        ("g.json", '{"nodes": ["a", "a"], "edges": []}', "'a' stands twice"),
        ("g.json", '{"nodes": ', "not JSON"),
        ("g.json", "[]", "expected an object with 'nodes' and 'edges'"),
        ("g.csv", "Source,Target,Weight\na,b,-1\n", r"g\.csv:2: Weight: expected a number above 0"),
        ("g.csv", "From,To\na,b\n", "expected the columns Source, Target"),
        ("g.csv", "Source,Target\n", "there is no service"),
    ],
)
def test_bad_graphs(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_dependencies(tmp_path / name)


NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=5, unique_by=str.strip)


@given(NAMES, st.sampled_from(["json", "csv"]), st.booleans())
def test_whatever_the_names_it_loads_or_says_why(tmp_path_factory, names, format, equal):
    folder = tmp_path_factory.mktemp("names")
    path = folder / f"g.{format}"
    if format == "json":
        path.write_text(json.dumps({"nodes": names, "edges": [[names[0], other] for other in names[1:]]}))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["Source", "Target"], *([names[0], other] for other in names[1:])])
    try:
        loaded = imported(path, folder / "g.yaml", nodes=2 if equal else None)
    except InputError as error:
        assert "expected a name" in str(error) or "there is no service" in str(error) or "cannot be read" in str(error)
        assert not (folder / "g.yaml").exists()
    else:
        assert finished(run(load(loaded.path, ["horizon=2 s", "warm_up=0 s"]).scenario))


@given(NAMES)
def test_whatever_the_pods_it_loads_or_says_why(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("pods")
    with (folder / "s.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [("t", f"s{i}", f"s{i - 1}" if i else "root", name, name[::-1], i * MS, (99 - i) * MS, 0) for i, name in enumerate(names)]
        csv.writer(file).writerows([HEADER.strip().split(","), *rows])
    try:
        loaded = imported(folder / "s.csv", folder / "s.yaml")
    except InputError as error:
        assert "expected a name" in str(error) or "cannot be read" in str(error)
    else:
        assert finished(run(load(loaded.path, ["horizon=9 s", "warm_up=0 s"]).scenario))


@pytest.mark.parametrize("options", [{}, {"by": "entry"}, {"level": "operation", "nodes": 3}], ids=["root", "entry", "operation"])
def test_train_ticket(shared, tmp_path, options):
    path = shared / "data" / "callgraphs" / "nezha_trainticket_spans.csv"
    loaded = imported(path, tmp_path / "train.yaml", **options)
    assert len(loaded.scenario.applications) == (8 if options == {"by": "entry"} else 1)
    assert "1,614 spans of 35 traces" in loaded.text and "n = 35" in loaded.text
    assert ("--by entry" in loaded.text) == ("by" not in options)
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.5
    short = load(tmp_path / "train.yaml", ["horizon=300 s", "warm_up=0 s"]).scenario
    assert finished(run(short))


def test_train_ticket_takes_about_as_long_as_measured(shared, tmp_path):
    path = shared / "data" / "callgraphs" / "nezha_trainticket_spans.csv"
    loaded = imported(path, tmp_path / "train.yaml", by="entry")
    measured = np.array([tree.root.end - tree.root.start for tree in read_spans(path).trees]) * 1e-9
    mean = summarise([run(loaded.scenario)])["latency_s"]["mean"]["value"]
    assert abs(mean - measured.mean()) < 3 * measured.std(ddof=1) / np.sqrt(len(measured))


def test_online_boutique(shared, tmp_path):
    loaded = imported(shared / "data" / "callgraphs" / "nezha_online_boutique_dependency.csv", tmp_path / "shop.yaml")
    assert list(loaded.scenario.applications) == ["frontend"] and len(loaded.scenario.applications["frontend"].calls) == 15
    assert offered_loads(loaded.scenario, tmp_path)["saturates_at"] > 1.5
    assert finished(run(load(tmp_path / "shop.yaml", ["horizon=20 s"]).scenario))
