"""Random scenarios for property tests: every feature at once, small, readable when hypothesis shrinks one."""

from hypothesis import strategies as st

TIME_LAWS = st.sampled_from(
    ["2 ms", "{kind: exponential, mean: 3 ms}", "{kind: lognormal, mean: 4 ms, cv: 1.5}", "{kind: pareto, minimum: 1 ms, shape: 1.6}", "0 s"]
)
SIZE_LAWS = st.sampled_from(["0 B", "4 kB", "{kind: exponential, mean: 20 kB}", "{kind: lognormal, mean: 30 kB, cv: 1}"])
DISCIPLINES = ["fifo", "fifo", "lifo", "random", "priority", "priority, preemptive: true", "processor_sharing", "batch, size: 3, wait: 4 ms, duration: max"]
ARRIVALS = [
    "{kind: poisson, rate: 80 /s}",
    "{kind: renewal, rate: 60 /s, cv: 3}",
    "{kind: times, at: [0 s, 0 s, 1 s, 1 s]}",
    "{kind: closed, users: 4, think: {kind: exponential, mean: 20 ms}}",
    "{kind: mmpp, rates: [20 /s, 200 /s], stays: [300 ms, 100 ms]}",
    "{kind: bursts, size: 4, of: {kind: poisson, rate: 15 /s}}",
]
QUORUMS = [", fan_out: 3, wait_for: 2", ", fan_out: 4, wait_for: 1, cancel: true", ", fan_out: 2, wait_for: 1, probability: 70 %"]
ENGINES = [
    "batch: 3, chunk: 40, profile: {kind: formula, weights: 4 GB, bandwidth: 4 TB/s, flop_per_token: 1.6e10, flop_rate: 8e14}",
    "batch: 8, kv_size: 1 kB, kv_memory: 90 kB, block: 4, profile: {kind: formula, weights: 1 GB, bandwidth: 4 TB/s, flop_per_token: 1.6e9, flop_rate: 8e13}",
]
LOADS = ["", "stall: {kind: exponential, mean: 5 ms}", "from: n0, chunk: 20 kB", "from: nearest, chunk: 20 kB", "time: 10 ms"]
CARE = (
    [", timeout: 5 ms", ", timeout: 30 ms"],
    [", retry: {retries: 2, back_off: 1 ms, jitter: 50 %}", ", retry: {retries: 3, budget: 20 %, burst: 2}"],
    [", hedge: {after: 3 ms}", ", hedge: {after: 0 s, elsewhere: false}"],
    [", shed: {queue: 2}", ", shed: {hopeless: true}"],
    [", breaker: {failures: 2, rest: 50 ms}", ", breaker: {failures: 2, window: 4, rest: 20 ms, probes: 2}"],
)

POLICIES = ["random", "round-robin", "local-first", "least-loaded", "join-shortest-queue", "power-of-two", "shortest-expected-delay"]


@st.composite
def scenario_texts(draw) -> str:
    """YAML of a scenario that starts empty and drains."""
    nodes = draw(st.integers(1, 4))
    names = [f"n{i}" for i in range(nodes)]
    lines = ["name: random", "horizon: 3 s", "drain: stop", f"seed: {draw(st.integers(0, 999))}", "record: {spans: all}", "network:", "  nodes:"]
    for name in names:
        kind = draw(st.sampled_from(DISCIPLINES))
        capacity = ", discipline: {kind: " + kind + draw(st.sampled_from(["", ", capacity: 3"])) + "}"
        memory = draw(st.sampled_from(["", f", memory: {draw(st.sampled_from([1, 2, 3]))} MB, disk: 100 MB/s"]))
        workers = draw(st.sampled_from(["1", "2", "unlimited"]))
        lines.append(f"    - {{name: {name}, workers: {workers}, speed: {draw(st.sampled_from([0.5, 1, 2]))}{memory}{capacity}}}")
    links = []
    for i in range(1, nodes):
        extra = draw(st.sampled_from(["", ", loss: 5 %", ", buffer: 40 kB", ", jitter: {kind: exponential, mean: 1 ms}"]))
        width = draw(st.sampled_from(["unlimited", "10 Mbit/s", "100 Mbit/s"]))
        delay = draw(st.sampled_from(["0 s", "1 ms"]))
        links.append(f"    - {{between: [n{draw(st.integers(0, i - 1))}, n{i}], bandwidth: {width}, propagation: {delay}{extra}}}")
    if draw(st.booleans()) and links:
        links.pop()
    if links:
        lines += ["  links:", *links]
    if draw(st.booleans()):
        lines.append("  mtu: 1500 B")
    services = draw(st.integers(1, 3))
    lines.append("services:")
    engines = [draw(st.sampled_from(["", "", "", *ENGINES])) for _ in range(services)]
    for i in range(services):
        if engines[i]:
            lengths = "prompt: {kind: lognormal, mean: 20, cv: 1}, output: {kind: lognormal, mean: 8, cv: 1}"
            lines.append(f"  s{i}: {{inference: {{{engines[i]}, {lengths}}}}}")
            continue
        model = f", memory: 1 MB, load: {{{draw(st.sampled_from(LOADS))}}}" if draw(st.booleans()) else ""
        if draw(st.booleans()):
            lines.append(f"  s{i}: {{service_time: {draw(TIME_LAWS)}{model}}}")
        else:
            lines.append(f"  s{i}: {{variants: {{a: {{quality: 0.5, service_time: {draw(TIME_LAWS)}{model}}}, b: {{service_time: {draw(TIME_LAWS)}}}}}}}")
    lines.append("deployments:")
    for i in range(services):
        own = draw(st.sampled_from(["", ", workers: 1", f", workers: {1 if engines[i] else 2}, replicas: 3, balancer: power_of_d"]))
        lines.append(f"  - {{service: s{i}, nodes: all{own}}}")
    lines += ["applications:", "  app:", "    objective: 20 ms", "    utility: {midpoint: 20 ms, steepness: 100 /s}"]
    if draw(st.booleans()):
        lines.append(f"    response: {draw(SIZE_LAWS)}")
    if draw(st.booleans()):
        lines.append(f"    timeout: {draw(st.sampled_from(['20 ms', '100 ms']))}")
    lines.append("    calls:")
    calls = draw(st.integers(1, 5))
    for i in range(calls):
        before = sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if i else []
        after = ", after: {" + ", ".join(f"c{j}: {draw(SIZE_LAWS)}" for j in before) + "}" if before else f", payload: {draw(SIZE_LAWS)}"
        some = draw(st.sampled_from(["", ", probability: 60 %", ", fan_out: 3", ", priority: 2", *QUORUMS]))
        care = "".join(draw(st.sampled_from(["", "", *forms])) for forms in CARE)
        lines.append(f"      - {{name: c{i}, service: s{draw(st.integers(0, services - 1))}{after}{some}{care}}}")
    if draw(st.booleans()):
        lines.append("      - {name: left, service: s0, after: [c0], one_of: way, probability: 30 %}")
        lines.append("      - {name: right, service: s0, after: [c0], one_of: way, probability: 70 %}")
    lines.append("workload:")
    arrivals = draw(st.sampled_from(ARRIVALS))
    lines.append(f"  - {{name: w, application: app, ingress: all, arrivals: {arrivals}}}")
    if draw(st.booleans()):
        both = "{kind: superposition, of: [{kind: poisson, rate: 9 /s}, {kind: times, at: [0 s]}]}"
        lines.append(f"  - {{name: v, application: app, ingress: [n0], arrivals: {both}}}")
    spikes = []
    if draw(st.booleans()):
        spikes.append("  - {name: calls, kind: call_spike, services: all, probability: 5 %, factor: {kind: pareto, minimum: 2, shape: 1.8}}")
        spikes.append("  - {name: pauses, kind: call_spike, services: [s0], probability: 5 %, add: 10 ms}")
    for name, applies in (("slow", "in_progress"), ("starts", "at_start")):
        if draw(st.booleans()):
            laws = "up: {kind: exponential, mean: 400 ms}, down: {kind: exponential, mean: 200 ms}"
            spikes.append(f"  - {{name: {name}, kind: slow_down, nodes: {{one_of: all}}, factor: 3, applies: {applies}, {laws}}}")
    if draw(st.booleans()):
        spikes.append("  - {name: stop, kind: freeze, nodes: all, up: {kind: exponential, mean: 300 ms}, down: 30 ms}")
        spikes.append("  - {name: halt, kind: freeze, nodes: [n0], at: [500 ms, 520 ms], for: 40 ms}")
    if draw(st.booleans()):
        spikes.append("  - {name: out, kind: outage, nodes: {one_of: all}, restart: 20 ms, up: {kind: exponential, mean: 500 ms}, down: 50 ms}")
        spikes.append("  - {name: cut, kind: outage, nodes: all, at: [1 s, 1.01 s], for: 40 ms}")
    if draw(st.booleans()):
        spikes.append("  - {name: cold, kind: evict, nodes: {one_of: all}, services: [s0], up: {kind: exponential, mean: 200 ms}}")
        spikes.append("  - {name: colder, kind: evict, nodes: all, at: [1 s, 2 s]}")
    if links and draw(st.booleans()):
        laws = "up: {kind: exponential, mean: 300 ms}, down: {kind: exponential, mean: 100 ms}"
        spikes.append(f"  - {{name: worse, kind: link, links: {{one_of: all}}, factor: 4, propagation: 3 ms, loss: 5 %, {laws}}}")
        spikes.append("  - {name: regimes, kind: link, links: all, factor: {kind: uniform, low: 1, high: 3}, chain: {step: 50 ms, enter: 10 %, stay: 70 %}}")
    if links and draw(st.booleans()):
        spikes.append("  - {name: broken, kind: link, links: {one_of: all}, fails: true, up: {kind: exponential, mean: 200 ms}, down: 50 ms}")
        spikes.append("  - {name: cut-off, kind: outage, nodes: {one_of: all}, links: true, at: [1 s], for: 40 ms}")
    if not arrivals.startswith("{kind: closed") and draw(st.booleans()):
        spikes.append("  - {name: rush, kind: flash_crowd, workload: [w], factor: 2.5, up: {kind: exponential, mean: 500 ms}, down: 300 ms}")
    some = "services: [s0], up: {kind: exponential, mean: 300 ms}, down: 50 ms"
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["slow_down, factor: 3", "slow_down, factor: 2, applies: at_start", "freeze", "outage"]))
        spikes.append(f"  - {{name: some, kind: {kind}, {some}}}")
    names = [spike.split(",")[0].split(": ")[1] for spike in spikes if "slow_down" in spike or "freeze" in spike or "outage" in spike or "kind: link" in spike]
    if names and draw(st.booleans()):
        spikes.append(f"  - {{name: spread, kind: cascade, of: {draw(st.sampled_from(names))}, probability: 50 %, delay: 10 ms, depth: 2}}")
    if spikes:
        lines += ["spikes:", *spikes]
    policy = draw(st.sampled_from(POLICIES))
    lines.append(f"control: {{policy: {policy}, telemetry: {draw(st.sampled_from(['exact', '{period: 50 ms}']))}}}")
    return "\n".join(lines) + "\n"
