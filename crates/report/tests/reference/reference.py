"""Writes the reference results for the tests of cofire-report. Run it in this folder; it needs numpy,
scipy, scikit-learn and networkx: python3 reference.py"""

import json
import warnings

import networkx
import numpy
import scipy
import sklearn
from scipy.stats import kendalltau
from sklearn.mixture import GaussianMixture

random = numpy.random.default_rng(2022)


def kendall():
    cases = []
    for count in [2, 3, 4, 5, 6, 8, 12, 20, 33, 34, 60]:
        for has_ties in [False, True]:
            x, y = random.normal(size=count), random.normal(size=count)
            y = y + random.choice([-1, 0, 1]) * x
            if has_ties:
                x, y = numpy.round(x * 2) / 2, numpy.round(y * 2) / 2
            result = kendalltau(x, y)
            if not numpy.isnan(result.statistic):
                cases.append((x, y, result))
    ordered = numpy.arange(7.0)
    cases += [(ordered, sign * ordered, kendalltau(ordered, sign * ordered)) for sign in [1, -1]]
    many = numpy.arange(40.0)
    swapped = many.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    cases.append((many, swapped, kendalltau(many, swapped)))
    return [
        {"x": list(x), "y": list(y), "tau": result.statistic, "p": result.pvalue}
        for x, y, result in cases
    ]


def mixtures():
    sets = {
        "one Gaussian": random.normal(0.3, 0.05, 400),
        "two apart": numpy.concatenate([random.normal(0, 1, 300), random.normal(8, 0.5, 100)]),
        "skewed, as information is": random.gamma(2.0, 0.02, 600),
        "three": numpy.concatenate(
            [random.normal(0, 0.3, 200), random.normal(3, 0.3, 200), random.normal(6, 0.3, 200)]
        ),
    }
    cases = []
    for name, values in sets.items():
        fits = []
        for components in range(1, 5):
            model = GaussianMixture(
                components, n_init=20, tol=1e-7, max_iter=1000, random_state=0, reg_covar=1e-9
            ).fit(values[:, None])
            fits.append(
                {
                    "components": components,
                    "log_likelihood": model.score(values[:, None]),
                    "bic": model.bic(values[:, None]),
                }
            )
        best = min(fits, key=lambda fit: fit["bic"])
        cases.append(
            {
                "name": name,
                "values": [round(float(x), 6) for x in values],
                "fits": fits,
                "best": best["components"],
                "bic": best["bic"],
            }
        )
    return cases


def communities():
    karate = networkx.karate_club_graph()
    blocks = networkx.planted_partition_graph(5, 12, 0.6, 0.05, seed=7)
    for a, b in blocks.edges:
        blocks[a][b]["weight"] = float(numpy.round(random.uniform(0.5, 1.5), 3))
    ring = networkx.ring_of_cliques(8, 5)
    cases = []
    for name, graph in [("karate", karate), ("blocks", blocks), ("ring", ring)]:
        weight = "weight" if name != "ring" else None
        best, score = None, -1.0
        for seed in range(20):
            found = networkx.community.louvain_communities(graph, weight=weight, seed=seed)
            modularity = networkx.community.modularity(graph, found, weight=weight)
            if modularity > score:
                best, score = found, modularity
        partition = [next(k for k, c in enumerate(best) if node in c) for node in sorted(graph)]
        edges = [[a, b, float(d.get("weight", 1.0))] for a, b, d in graph.edges(data=True)]
        cases.append(
            {
                "name": name,
                "nodes": graph.number_of_nodes(),
                "edges": edges,
                "partition": partition,
                "modularity": score,
            }
        )
    return cases


warnings.simplefilter("ignore")
for file, cases in [
    ("kendall.json", kendall()),
    ("mixtures.json", mixtures()),
    ("communities.json", communities()),
]:
    with open(file, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(numpy.__version__, scipy.__version__, sklearn.__version__, networkx.__version__)
