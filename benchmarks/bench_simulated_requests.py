"""How long a million simulated requests take, by policy and load: seconds on the wall, and of the processor.

    python -m benchmarks.bench_simulated_requests [--requests 1000000] [--loads 0.5,1,2] [--policies deadline,none]

A small encoder on one machine, texts of log-normal length (median 24 tokens), objective 100 ms; loads are shares of the
1,100 a second that it answers at most.
"""

import argparse
import time

from benchmarks.bench_policy import encoder
from benchmarks.results import keep
from headrace.arrivals import POISSON, make_arrivals, parse_lengths
from headrace.simulate.figures import measure
from headrace.simulate.policies import Chosen, parse_policies
from headrace.simulate.scenario import Scenario
from headrace.simulate.simulation import Simulation

PER_S = 1100.0  # that the encoder answers at most
SLO_NS = 100_000_000
GOAL_S = 60.0  # for a million


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--loads", default="0.5,1,2")
    parser.add_argument("--policies", default="deadline")
    arguments = parser.parse_args()
    loads = [float(each) for each in arguments.loads.split(",")]
    policies = parse_policies(arguments.policies)
    taken = {f"{chosen}, {load:g}": case(chosen, load, arguments.requests) for chosen in policies for load in loads}
    keep("simulated_requests", {"goal, s a million": GOAL_S, **taken})


def case(chosen: Chosen, load: float, requests: int) -> dict[str, float]:
    """One simulation, from arrivals to figures."""
    wall, cpu = time.perf_counter(), time.process_time()
    rate = load * PER_S
    arrivals = make_arrivals(POISSON, rate, requests / rate, seed=1, lengths=parse_lengths("lognormal:24:0.8:5:256"))
    simulation = Simulation(Scenario(encoder().to_json(), slo_ns=SLO_NS), chosen)
    simulation.open(arrivals)
    figures = measure(simulation.outcomes, simulation.runs, requests / rate, 1, SLO_NS)
    scale = 1e6 / len(arrivals)
    return {
        "requests": len(arrivals),
        "wall, s a million": round((time.perf_counter() - wall) * scale, 1),
        "cpu, s a million": round((time.process_time() - cpu) * scale, 1),
        "rows a run": figures.rows_per_run,
        "in time": figures.attainment,
    }


if __name__ == "__main__":
    main()
