"""The tables of the study of label geometry, in the paper's layout, from its cells. Measures nothing."""

from __future__ import annotations

from typing import Any

from benchmarks.separability_published import MODELS, PUBLISHED, TASKS, Cell


def cell_of(row: dict[str, Any]) -> Cell:
    """In the paper's columns, accuracies in percent."""
    return Cell(100 * row["accuracy"], 100 * row["std"], row["clusters"], row["linear"], row["similarity_without_few"])


def table(cells: dict[tuple[str, str], tuple[Cell | None, Cell | None]], models: list[str], tasks: list[str]) -> str:
    """Markdown, one row per model and one column per task."""
    lines = ["| model | " + " | ".join(tasks) + " |", "|---" * (len(tasks) + 1) + "|"]
    for model in models:
        found = [cells.get((model, task), (None, None)) for task in tasks]
        texts = [f"{before or '?'} -> {after or '?'}" for before, after in found]
        lines.append(f"| {model} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def shape(cells: dict[tuple[str, str], tuple[Cell | None, Cell | None]]) -> dict[str, str]:
    """In how many cells, of those that can say it, fine-tuning did what the paper says it does."""
    pairs = [(before, after) for before, after in cells.values() if before and after]
    similar = [
        (before.similarity, after.similarity)
        for before, after in pairs
        if before.similarity is not None and after.similarity is not None
    ]
    return {
        "accuracy rose": f"{sum(b.accuracy < a.accuracy for b, a in pairs)} of {len(pairs)}",
        "clusters did not become more": f"{sum(b.clusters >= a.clusters for b, a in pairs)} of {len(pairs)}",
        "linear before": f"{sum(b.linear for b, _ in pairs)} of {len(pairs)}",
        "linear after": f"{sum(a.linear for _, a in pairs)} of {len(pairs)}",
        "train-test similarity fell": f"{sum(b > a for b, a in similar)} of {len(similar)}",
    }


def conflicts(rows: list[dict[str, Any]]) -> str:
    """Lines on the number of labels and the inputs under two of them, which are clusters beside those of the labels."""
    labels = {task: sorted({row["labels"] for row in rows if row["task"] == task}) for task in TASKS}
    said = []
    for task in TASKS:
        own = [row for row in rows if row["task"] == task and row.get("conflicts")]
        if own:
            counts = " or ".join(map(str, sorted({row["conflicts"] for row in own})))
            linear = sum(row["linear_without_conflicts"] for row in own)
            said.append(f"{task} {counts} training rows, without which {linear} of {len(own)} cells are linear")
    without = {
        state: [row["linear_without_conflicts"] for row in rows if row["state"] == state and "conflicts" in row]
        for state in ("before", "after")
    }
    return (
        "Labels of the training rows: "
        + "; ".join(f"{task} {' or '.join(map(str, counts))}" for task, counts in labels.items() if counts)
        + ". Rows of one input under two labels are clusters beside those of the labels: "
        + ("; ".join(said) or "none")
        + ". Without such rows "
        + ", ".join(f"{sum(linear)} of {len(linear)} cells are linear {state}" for state, linear in without.items())
        + "."
    )


def rises(cells: dict[tuple[str, str], tuple[Cell | None, Cell | None]]) -> str:
    """A line on where train-test similarity did not fall."""
    found = [
        f"{task}, {model} ({before.similarity:.3f} -> {after.similarity:.3f})"
        for (model, task), (before, after) in cells.items()
        if before and after and before.similarity is not None and after.similarity is not None
        if before.similarity <= after.similarity
    ]
    return "Train-test similarity did not fall, other than in the paper: " + ("; ".join(found) or "nowhere") + "."


def report(rows: list[dict[str, Any]]) -> str:
    """Both tables, and what is to be seen in them."""
    by_key = {(row["task"], row["layers"], row["state"]): cell_of(row) for row in rows}
    depths = sorted({row["layers"] for row in rows})
    names = {depth: f"MiniLM, {depth} layers (x384)" for depth in depths}
    ours = {
        (names[depth], task): (by_key.get((task, depth, "before")), by_key.get((task, depth, "after")))
        for depth in depths
        for task in TASKS
    }
    similarity = {
        f"{row['task']}, {row['layers']} layers, {row['state']}": row["similarity_few_as_zero"]
        for row in rows
        if row["similarity_few_as_zero"] is not None
    }
    tasks = list(TASKS)
    return "\n\n".join(
        [
            "Accuracy, its standard deviation, clusters, linear?, train-test similarity; before -> after fine-tuning.",
            table(ours, list(names.values()), tasks),
            conflicts(rows),
            "As published, of other models:",
            table(dict(PUBLISHED), list(MODELS), tasks),
            "\n".join(
                f"* {what}: {here}; published: {there}"
                for (what, here), there in zip(shape(ours).items(), shape(dict(PUBLISHED)).values(), strict=True)
            ),
            rises(ours),
            "Similarity with the pairs of labels of at most five words as 0: "
            + "; ".join(f"{where} {value:.2f}" for where, value in similarity.items()),
        ]
    )
