"""Writes what is generated: the command-line and Python references and the README's table of measurements.

python -m docs.generate            writes them
python -m docs.generate --check    says which are out of date, and fails
"""

from __future__ import annotations

import inspect
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from typer.main import get_command

from docs.robustness import robustness
from docs.scaling import scaling

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- measurements: begin -->", "<!-- measurements: end -->"


def cli_reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    from isogloss.cli.app import app

    group: Any = get_command(app)
    parts = ["# Command line\n\nGenerated from the code by `make docs`. `isogloss COMMAND --help` says the same.\n"]
    for name, command in group.commands.items():
        parts.append(f"## isogloss {name}\n\n{command.help}\n")
        rows = ["| | default | |", "|---|---|---|"]
        for parameter in command.params:
            if parameter.name == "help":
                continue
            option = parameter.param_type_name == "option"
            shown = ", ".join(f"`{o}`" for o in parameter.opts) if option else f"`{parameter.name.upper()}`"
            required = "required" if parameter.required else _default(parameter.default)
            rows.append(f"| {shown} | {required} | {(parameter.help or '').replace('|', '/')} |")
        parts.append("\n".join(rows) + "\n")
        if name == "compare":
            parts.append(_analysis_options())
    return "\n".join(parts)


def _analysis_options() -> str:
    from isogloss.cli.listing import analysis_options

    rows = ["What `--option` takes (`isogloss compare --list-options`):\n", "| | default | |", "|---|---|---|"]
    for options in analysis_options().values():
        rows += [f"| `{o.name}` | `{o.default}` | {o.help.replace('|', '/')} |" for o in options]
    return "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value is None or value is False or callable(value) or "Sentinel" in type(value).__name__:
        return ""
    return f"`{getattr(value, 'value', value)}`"


ROOMS = ("", ".corpus", ".similarity", ".concepts", ".probing", ".isotropy", ".separability")


def python_reference() -> str:
    """Every public name of the package and of its rooms: how it is called, and what it is."""
    parts = [
        "# Python\n\nGenerated from the code by `make docs`. `help(NAME)` says shapes, units, errors and sources."
        " What the measures mean: [measures.md](measures.md).\n"
    ]
    for room in (f"isogloss{part}" for part in ROOMS):
        module = import_module(room)
        said = (module.__doc__ or "").strip().splitlines()[0]
        parts.append(f"## {room}\n\n{said}\n")
        rows = ["| | |", "|---|---|"]
        for name in sorted(module.__all__, key=str.lower):
            thing = getattr(module, name)
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            first = " ".join((inspect.getdoc(thing) or "").strip().split("\n\n")[0].split())
            rows.append(f"| `{name}{_arguments(thing)}` | {first.replace('|', '/')} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _arguments(thing: Any) -> str:
    """Names of the arguments, as `(X, k=5)`; `()` where there are none to give."""
    try:
        given = inspect.signature(thing).parameters.values()
    except ValueError:
        return ""
    shown: list[str] = []
    for parameter in given:
        if parameter.name.startswith("_"):
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        said = repr(parameter.default)
        default = "" if parameter.default is inspect.Parameter.empty else f"={said if len(said) <= 20 else '...'}"
        star = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}.get(parameter.kind, "")
        shown.append(f"{star}{parameter.name}{default}")
    return f"({', '.join(shown)})".replace("|", "/")


def measurements() -> str:
    """The README's table, from the JSON that the benchmarks left."""
    extraction, memory, similarity = (
        json.loads((RESULTS / f"{name}.json").read_text()) for name in ("extraction", "memory", "similarity")
    )
    machine = extraction["machine"]
    rows = ["| measured | against | result |", "|---|---|---|", *extraction_rows(machine)]
    small, large = memory["sentences"]
    rows.append(
        f"| peak memory, {memory['model']}, {large:,} sentences | {small:,} sentences | {memory['growth']:+.1%} |"
    )
    rows += bounded_memory_rows()
    rows += engines_rows()
    rows.append(similarity_row(similarity))
    rows += ward_rows()
    rows += probing_rows()
    rows += isotropy_rows()
    rows += verdict_rows(machine)
    rows += separability_rows()
    rows.append(
        f"\nMeasured side by side in one run, medians of interleaved rounds (Ward: one), on {machine['processor']} "
        f"({', '.join(machine['features'])}) where no other processor is named; `make bench` repeats it."
    )
    return "\n".join(rows)


def left_by(name: str) -> dict[str, Any] | None:
    """What a benchmark left; None where it was not run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def extraction_rows(usual: dict[str, Any]) -> list[str]:
    """A line for each model and processor; `usual` is the machine whose processor need not be named."""
    found = []
    for name in ("extraction", "extraction_amx"):
        if (measured := left_by(name)) is None:
            continue
        machine = measured["machine"]
        more = [feature for feature in machine["features"] if feature not in usual["features"]]
        other = machine["processor"] != usual["processor"]
        where = f", {machine['processor']} with {', '.join(more)}" if other else ""
        for entry in measured["results"]:
            share = entry["share_of_torch_product_rate"]
            fastest = min(share, entry["share_of_onednn_product_rate"])
            limit = f" ({fastest:.2f} of oneDNN's)" if fastest < share else ""
            stored = ""
            if "times_plain_loop_bfloat16_stored" in entry:
                stored = f" ({entry['times_plain_loop_bfloat16_stored']:.1f} stored with `--dtype bfloat16`)"
            found.append(
                f"| extraction, {entry['model']}, the model on one thread{where} | "
                "one sentence at a time in float32, as NeuroX does | "
                f"float32: {entry['times_plain_loop']:.1f} times as fast, needed operations at {share:.2f} of the rate "
                f"of torch's matrix product{limit}; `--compute bfloat16`: "
                f"{entry['times_plain_loop_bfloat16']:.1f} times as fast{stored}, relative error "
                f"{entry['bfloat16_relative_error']:.1e} |"
            )
    return found


def bounded_memory_rows() -> list[str]:
    """A line for each kind of studies under a limit of memory, if they were measured."""
    if (measured := left_by("bounded_memory")) is None:
        return []
    groups: dict[str, dict[str, Any]] = {}
    for name, study in measured["studies"].items():
        analysis, _, options = name.partition(", ")
        groups.setdefault(options or "least options", {})[analysis] = study
    rows = []
    for options, found in groups.items():
        studies = list(found.values())
        words = max(study["words"] for study in studies)
        kept, same = (sum(study[what] for study in studies) for what in ("kept", "same_tables"))
        limit, free, bound = (max(study[what] for study in studies) for what in ("limit_mib", "free_mib", "bound_mib"))
        held = ", in a control group of that size" if all(study["in_a_group_of_the_limit"] for study in studies) else ""
        rows.append(
            f"| {', '.join(found)} of {words:,} words, MiniLM, last layer, {options}, each with the least `--memory` "
            f"it takes, at most {limit:,} MiB{held}, {measured['machine']['processor']} | "
            f"no limit: up to {free:,} MiB | up to {bound:,} MiB; kept {kept} of {len(studies)}, "
            f"the same tables {same} of {len(studies)} |"
        )
    return rows


def engines_rows() -> list[str]:
    """A line on several workers, if they were measured."""
    if (results := left_by("engines")) is None:
        return []
    same = ", the same bytes" if results["same_bytes"] else ""
    return [
        f"| extraction by two workers on a core each, MiniLM, {results['words']:,} words | one worker on one core | "
        f"{results['speedup']:.2f} times as fast{same} |"
    ]


def similarity_row(results: dict[str, Any]) -> str:
    """One line on the streamed measures."""
    own = results["peak_memory"][str(results["words"])]["own_mb"]
    size = f"{results['words']:,} words x {results['width']}"
    return (
        f"| CKA, debiased CKA, Procrustes, cosine: {size}, one pass | the three matrix products alone (the limit) | "
        f"{results['point_measures_over_products']:.2f} times their time, {own:,.0f} MB |"
    )


def ward_rows() -> list[str]:
    """Lines on exact Ward clustering, as far as it was measured."""
    found = []
    for name in ("ward", "ward_large"):
        if (results := left_by(name)) is None:
            continue
        size = f"{results['words']:,} words x {results['width']}"
        cost = results["costs"]["float32"]
        if "scipy_over_float32" in results:
            found += [
                f"| exact Ward, {size}, two threads | SciPy's `linkage` | {results['scipy_over_float32']:.0f} times as "
                f"fast ({results['scipy_over_bfloat16']:.0f} with `compute=bfloat16`), "
                f"{results['memory_float32_over_scipy']:.0%} of its memory |",
                f"| the same | all pairs by matrix products | {cost['all_pairs_products']:.1f} times the products |",
            ]
        else:
            found.append(
                f"| exact Ward, {size}, two threads | - | {cost['seconds'] / 60:.1f} minutes, peak "
                f"{cost['peak_over_input']:.3f} times the vectors |"
            )
    return found


def probing_rows() -> list[str]:
    """Lines on probes and rankings, as far as they were measured."""
    found = []
    path = RESULTS / "probing.json"
    if path.exists():
        results = json.loads(path.read_text())
        n, layers = results["words"]["train"], results["layers"]
        least = min(layers, key=lambda row: row["test_lead"])
        at_least = results["layers_at_least_as_accurate"]
        every = "every layer" if at_least == len(layers) else f"{at_least} of {len(layers)} layers"
        scaled = ", one seed of five measured and multiplied" * results["peer_job_is_scaled_up"]
        found += [
            f"| probes of {results['classes']} word classes, {n:,} words, {len(layers)} layers, five control tasks | "
            f"NeuroX's training loop, five seeds of task and control{scaled} | "
            f"{results['job_peer_over_ours']:.0f} times as fast; as accurate on unseen words or more at {every}, "
            "the least lead "
            f"{least['test_lead']:+.4f} (standard error {least['test_lead_standard_error']:.4f}) |",
            f"| the same, one probe, penalty chosen among {results['path']} | one probe of NeuroX, 10 epochs | "
            f"{results['single_probe_peer_over_ours']:.1f} times as fast |",
        ]
    path = RESULTS / "neurons.json"
    if path.exists():
        measured = json.loads(path.read_text())["measured"]
        name = next(name for name in measured if name.startswith("LCA order"))
        found.append(f"| {name} | - | {measured[name]['seconds']:.2f} s |")
    return found


def isotropy_rows() -> list[str]:
    """Lines on the measures of a layer's shape, as far as they were measured."""
    if (results := left_by("isotropy")) is None:
        return []
    size = f"{results['words']:,} words x {results['width']}"
    times = results["over_covariance_product"]
    return [
        f"| all global measures of isotropy, {size}, two passes | the float64 covariance product alone | "
        f"{times['all, no intervals']:.1f} times its time, {times['all, 200 resamples']:.1f} with 200 resamples of the "
        "sentences |",
        f"| exact mean cosine, {size} | all pairs by matrix products | "
        f"{results['all_pairs_over_mean_cosine']:.0f} times as fast |",
    ]


def verdict_rows(usual: dict[str, Any]) -> list[str]:
    """Lines on single verdicts, if they were measured; `usual` is the machine whose processor need not be named."""
    if (results := left_by("separability_verdicts")) is None:
        return []
    processor = results["machine"]["processor"]
    where = "" if processor == usual["processor"] else f", {processor}"
    found = []
    for side in (1000, 3000):
        rows = [row for row in results["verdicts"] if row["side"] == side and "svc_over_ours" in row]
        if rows:
            medians = [row["svc_over_ours"]["median"] for row in rows]
            least = min(row["svc_over_ours"]["least"] for row in rows)
            pairs = sum(len(row["rows"]) for row in rows)
            found.append(
                f"| whether two sets of {side:,} words x 384 are linearly separable, with a proof{where} | "
                f'scikit-learn\'s `SVC(kernel="linear", C=1e4)`, without one | {min(medians):.0f} to '
                f"{max(medians):.0f} times as fast (medians by layer; the least of {pairs} pairs {least:.1f}) |"
            )
    return found


def separability_rows() -> list[str]:
    """Lines on DirectProbe and on distances, as far as they were measured."""
    if (results := left_by("separability")) is None:
        return []
    found = []
    most = max((row["words"] for row in results.get("probe", [])), default=0)
    for row in results.get("probe", []):
        if row["words"] < most:
            continue
        size = f"DirectProbe, {row['words']:,} words x 384, {row['labels']} labels, layer {row['layer']}"
        fast = f"{row['peer_over_ours']:,.0f} times as fast"
        ours, peer = row["clusters"]["ours"], row["clusters"]["peer"]
        said = f"{fast}, the same {ours} clusters"
        if not row["peer_finished"]:
            said = f"more than {fast} ({ours} clusters; the transcription was stopped)"
        elif not row["same_partition"]:
            said = f"{fast}; {ours} and {peer} clusters, not the same ones: it lets hulls that touch pass"
        found.append(f"| {size} | the published algorithm, transcribed, serial, with HiGHS | {said} |")
    found += [
        f"| DirectProbe, {row['words']:,} words x 384, layer {row['layer']} | - | {row['seconds'] / 60:.1f} minutes, "
        f"{row['clusters']:,} clusters |"
        for row in results.get("large", [])
        if "seconds" in row
    ]
    shares = [row["peer_over_ours"] for row in results.get("distances", [])]
    if shares:
        found.append(
            "| distances of all pairs of 17 hulls, 5,000 words x 384, with lower and upper bounds 1e-6 apart | "
            "scikit-learn's `SVC(C=1e8)`, spared pairs that touch, no bounds | "
            f"{1 / max(shares):.1f} to {1 / min(shares):.1f} times its time |"
        )
    return found


def readme() -> str:
    """The README with its table renewed."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{measurements()}\n{END}{rest.split(END)[1]}"


def studies() -> str:
    """What the published studies' procedures found here, from the JSON that their scripts left."""
    path = RESULTS / "separability_study.json"
    lines = ["# Studies", "", "Generated by `make docs` from what the scripts left in `benchmarks/results`.", ""]
    if path.exists():
        lines += [
            "## Label geometry before and after fine-tuning",
            "",
            "After the table of Zhou & Srikumar (ACL 2022), with MiniLM kept to its first layers in the place of BERTs",
            "of several sizes. `python -m benchmarks.separability_study OUT` measures it; its first lines say where it",
            "is not the paper's procedure.",
            "",
            *json.loads(path.read_text(encoding="utf-8"))["table"],
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write or check every generated file."""
    stale = []
    written = {
        "docs/cli.md": cli_reference(),
        "docs/python.md": python_reference(),
        "docs/studies.md": studies(),
        "docs/scaling.md": scaling(RESULTS),
        "docs/robustness.md": robustness(ROOT / "campaigns" / "results"),
        "README.md": readme(),
    }
    for path, content in ((ROOT / name, text) for name, text in written.items()):
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(content, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale)}; run make docs")


if __name__ == "__main__":
    main()
