"""Scores what `sidetone bench voice` wrote, sentence by sentence, and writes quality.md with its plots.

Usage: score.py OUTPUT-FOLDER VOICE.json ...   (one for each seed, the sound in the folder beside it)

A sentence is a stretch of speech between pauses of the reference. Each is looked for in what was heard, where it
resembles the reference most, so that delay is no fault of the sound; delay has its own columns.
"""

import datetime
import json
import multiprocessing
import os
import platform
import sys
import warnings
from importlib import metadata
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.io import wavfile
from scipy.signal import fftconvolve, resample_poly

RATE = 16000
# A pause is this quiet, against the loudest, for so long.
QUIET_DB = -45
PAUSE = 0.25
# Speech is split no shorter than this: PESQ wants some seconds.
SENTENCE = 2.5
# Sound kept around a sentence.
EDGE = 0.15
METRICS = ["pesq", "visqol", "plcmos", "stoi"]
NAMES = {"pesq": "PESQ-WB", "visqol": "ViSQOL", "plcmos": "PLCMOS", "stoi": "STOI"}
# What issue 4 asks of a case: PESQ-WB and ViSQOL at least, median delay at most in ms; and the same of the best engine
# measured there, with its delay.
TARGETS = {
    "loss-0": (4.42, 4.55, 45, "4.42 / 4.55 / 58"),
    "loss-10": (3.9, None, 80, "3.60 / 4.39 / 87"),
    "loss-20": (3.2, None, None, "2.47 / 4.19 / 88"),
    "loss-30": (2.6, None, None, "1.77 / 3.90 / 100"),
    "burst4-20": (2.2, None, None, "1.52 / 3.68 / 85"),
    "burst4-30": (1.8, None, None, "1.28 / 3.27 / 83"),
    "jitter-30": (4.41, 4.56, 190, "4.41 / 4.56 / 226-241"),
    "jitter-100": (4.41, 4.55, 520, "4.41 / 4.55 / 667"),
    "link-50": (None, 4.0, None, "-"),
}
# And the most that may be made up there.
CONCEALED = {"loss-20": 0.02}
PACKAGES = ["pesq", "visqol-python", "ai-edge-litert", "speechmos", "pystoi"]


def read(path):
    rate, samples = wavfile.read(path)
    assert rate == 3 * RATE, f"{path}: {rate} Hz"
    return resample_poly(samples.astype(np.float64) / 32768, 1, 3)


def sentences(reference):
    """Start and end of each stretch of speech, in samples."""
    hop = RATE // 100
    frames = reference[: len(reference) // hop * hop].reshape(-1, hop)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    loud = level > level.max() + QUIET_DB
    found, start, silent = [], None, 0
    for index, is_loud in enumerate(loud):
        if is_loud:
            start = index if start is None else start
            silent = 0
        elif start is not None:
            silent += 1
            long_enough = (index - silent - start) * hop >= SENTENCE * RATE
            if silent * hop >= PAUSE * RATE and long_enough or silent * hop >= 3 * PAUSE * RATE:
                found.append((start * hop, (index - silent + 1) * hop))
                start = None
    if start is not None:
        found.append((start * hop, len(loud) * hop))
    edge = int(EDGE * RATE)
    return [(max(0, a - edge), min(len(reference), b + edge)) for a, b in found if b - a >= RATE]


def aligned(reference, heard, span, longest):
    """The part of `heard` that resembles the sentence most, at most `longest` seconds late."""
    start, end = span
    wanted = reference[start:end]
    room = heard[start : min(len(heard), end + int(longest * RATE))]
    if len(room) < len(wanted):
        room = np.pad(room, (0, len(wanted) - len(room)))
    likeness = fftconvolve(room, wanted[::-1], mode="valid")
    at = int(np.argmax(likeness))
    return wanted, room[at : at + len(wanted)]


def visqol():
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="speech", use_lattice_model=True)
    return api


TOOLS = {}


def score(job):
    """All figures of one sentence. What fails is None, with the reason."""
    warnings.filterwarnings("ignore")
    name, wanted, got = job
    figures, reasons = {}, {}

    def attempt(metric, work):
        try:
            value = float(work())
            figures[metric] = value if np.isfinite(value) else None
            if figures[metric] is None:
                reasons[metric] = "not a number"
        except Exception as error:  # a tool that fails must not hide what the others say
            figures[metric], reasons[metric] = None, f"{type(error).__name__}: {error}"[:120]

    def by_pesq():
        from pesq import pesq

        return pesq(RATE, wanted, got, "wb")

    def by_stoi():
        from pystoi import stoi

        return stoi(wanted, got, RATE)

    def by_visqol():
        if "visqol" not in TOOLS:
            TOOLS["visqol"] = visqol()
        return TOOLS["visqol"].measure_from_arrays(wanted, got, RATE).moslqo

    def by_plcmos():
        from speechmos import plcmos

        return plcmos.run(got.astype(np.float32), sr=RATE)["plcmos"]

    attempt("pesq", by_pesq)
    attempt("stoi", by_stoi)
    attempt("visqol", by_visqol)
    attempt("plcmos", by_plcmos)
    return name, figures, reasons


def median(values):
    return float(np.median(values)) if values else None


def worst(values):
    """What one sentence in twenty stays below."""
    return float(np.percentile(values, 5)) if values else None


def show(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def table(outcomes, scores):
    lines = [
        "| case | receiver | kbit/s | lost | delay ms p50 / p95 / max | made up | RED / FEC / DRED | "
        + " | ".join(f"{NAMES[m]} median / worst 5 %" for m in METRICS)
        + " |",
        "|---|---|--:|--:|--:|--:|--:|" + "--:|" * len(METRICS),
    ]
    for outcome in outcomes:
        values = scores[outcome["case"], outcome["receiver"]]
        percent = lambda key: f"{100 * outcome[key]:.1f}"
        cells = [
            outcome["case"],
            outcome["receiver"],
            show(outcome["wire_kbps"], 1),
            percent("lost") + " %",
            " / ".join(show(outcome[key], 0) for key in ["delay_p50_ms", "delay_p95_ms", "delay_max_ms"]),
            percent("concealed") + " %",
            " / ".join(percent(key) for key in ["red", "fec", "dred"]),
        ]
        cells += [f"{show(median(values[m]))} / {show(worst(values[m]))}" for m in METRICS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdicts(outcomes, scores):
    """Ours beside what is asked, and what is missed."""
    lines = [
        "| case | asked: PESQ-WB / ViSQOL / delay ms | ours: PESQ-WB / ViSQOL / delay p50 | best engine in the issue | missed |",
        "|---|--:|--:|--:|---|",
    ]
    for outcome in outcomes:
        wanted = TARGETS.get(outcome["case"])
        if outcome["receiver"] != "sidetone" or wanted is None:
            continue
        values = scores[outcome["case"], "sidetone"]
        ours = (median(values["pesq"]), median(values["visqol"]), outcome["delay_p50_ms"])
        missed = [
            name
            for name, want, got, sign in zip(["PESQ-WB", "ViSQOL", "delay"], wanted, ours, [1, 1, -1])
            if want is not None and (got is None or sign * round(got, 2) < sign * want)
        ]
        if outcome["concealed"] > CONCEALED.get(outcome["case"], 1):
            missed.append("concealment")
        asked = " / ".join(show(want, digits) for want, digits in zip(wanted, [2, 2, 0]))
        got = " / ".join(show(value, digits) for value, digits in zip(ours, [2, 2, 0]))
        lines.append(f"| {outcome['case']} | {asked} | {got} | {wanted[3]} | {', '.join(missed) or 'nothing'} |")
    return "\n".join(lines)


# A median of a few sentences moves by this much with the dice.
NOTICEABLE = 0.05


def defeats(outcomes, scores):
    """Where doing nothing would have been better."""
    lines = []
    for outcome in outcomes:
        if outcome["receiver"] != "sidetone":
            continue
        worse = []
        for metric in ["pesq", "visqol"]:
            ours, plain = (median(scores[outcome["case"], who][metric]) for who in ["sidetone", "plain"])
            if ours is not None and plain is not None and ours < plain - NOTICEABLE:
                worse.append(f"{NAMES[metric]} {ours:.2f} against {plain:.2f}")
        if worse:
            lines.append(f"- {outcome['case']}: {', '.join(worse)}")
    return "\n".join(lines) or "Nowhere."


def pooled(reports):
    """One outcome for each case and receiver: the mean of its figures over the seeds."""
    found = {}
    for report in reports:
        for outcome in report["outcomes"]:
            found.setdefault((outcome["case"], outcome["receiver"]), []).append(outcome)

    def mean(outcomes, key):
        values = [outcome[key] for outcome in outcomes]
        if isinstance(values[0], str) or None in values:
            return values[0]
        return max(values) if key == "delay_max_ms" else float(np.mean(values))

    return [{key: mean(outcomes, key) for key in outcomes[0]} for outcomes in found.values()]


def plots(outcomes, scores, folder):
    """One picture for each family of loss: the score, and the delay it was bought with beside it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    written = []
    colours = {"sidetone": "tab:blue", "plain": "tab:grey"}
    for family in ["loss", "burst2", "burst4", "burst8", "link"]:
        mine = [o for o in outcomes if o["case"].rsplit("-", 1)[0] == family]
        if len({o["case"] for o in mine}) < 2:
            continue
        figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.2))
        for receiver, colour in colours.items():
            rows = [o for o in mine if o["receiver"] == receiver]
            x = [int(o["case"].rsplit("-", 1)[1]) for o in rows]
            for axis, metric in zip(axes, ["pesq", "visqol"]):
                values = [scores[o["case"], receiver][metric] for o in rows]
                axis.plot(x, [median(v) for v in values], "o-", color=colour, label=f"{receiver}, median")
                axis.plot(x, [worst(v) for v in values], ".:", color=colour, label=f"{receiver}, worst 5 %")
                axis.set_title(NAMES[metric])
                axis.set_ylim(1, 5)
            axes[2].plot(x, [o["delay_p50_ms"] for o in rows], "o-", color=colour, label=f"{receiver}, median")
            axes[2].plot(x, [o["delay_p95_ms"] for o in rows], ".:", color=colour, label=f"{receiver}, 95 %")
        axes[2].set_title("mouth to ear, ms")
        axes[2].set_ylim(bottom=0)
        for axis in axes:
            axis.set_xlabel("link, kbit/s" if family == "link" else "packets lost, %")
            axis.grid(alpha=0.3)
        axes[0].legend(fontsize=7)
        axes[2].legend(fontsize=7)
        figure.suptitle({"loss": "Random loss", "link": "Thin links"}.get(family, f"Bursts of {family[5:]} packets"))
        figure.tight_layout()
        path = folder / f"{family}.svg"
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        written.append((family, path))
    return written


def main(output, *paths):
    output, paths = Path(output), [Path(path) for path in paths]
    reports = [json.loads(path.read_text()) for path in paths]
    outcomes = pooled(reports)
    count = 0

    def jobs():
        nonlocal count
        for path, report in zip(paths, reports):
            reference = read(path.parent / "reference.wav")
            spans = sentences(reference)
            count += len(spans)
            for outcome in report["outcomes"]:
                name = (outcome["case"], outcome["receiver"])
                heard = read(path.parent / f"{name[0]}.{name[1]}.wav")
                longest = (outcome["delay_max_ms"] or 0) / 1e3 + 0.1
                for span in spans:
                    yield (name, *aligned(reference, heard, span, longest))

    scores = {(o["case"], o["receiver"]): {m: [] for m in METRICS} for o in outcomes}
    missing = {}
    with multiprocessing.Pool(min(2, os.cpu_count() or 1)) as pool:
        for name, figures, reasons in pool.imap(score, jobs(), chunksize=2):
            for metric, value in figures.items():
                if value is not None:
                    scores[name][metric].append(value)
            for metric, reason in reasons.items():
                missing.setdefault((metric, reason), []).append(name)

    folder = output / "quality"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = plots(outcomes, scores, folder)
    raw = [
        {**o, "scores": {m: [round(v, 3) for v in scores[o["case"], o["receiver"]][m]] for m in METRICS}}
        for o in outcomes
    ]
    seeds = [report["seed"] for report in reports]
    lines = ",\n".join(json.dumps(outcome) for outcome in raw)
    (folder / "scores.json").write_text(f'{{"seeds": {seeds}, "outcomes": [\n{lines}\n]}}\n')

    versions = ", ".join(f"{package} {metadata.version(package)}" for package in PACKAGES)
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    text = [
        "# Voice over bad networks",
        "",
        f"Made on {date} by `tools/quality/run`, which makes it again. {sum(report['seconds'] for report in reports):.0f} s of real speech "
        f"a case ({count} sentences, scored one by one after alignment; figures are medians of them, delays and shares "
        f"means over the seeds {', '.join(map(str, seeds))}), {reports[0]['codec']}; "
        f"{versions}; Python {platform.python_version()}.",
        "",
        "`sidetone` is this engine as two of our ends use it: adaptive sender, RED negotiated. `plain` is Opus without "
        "redundancy in 20 ms frames, a fixed buffer and classic concealment, **at the same rate and the same median "
        "delay**, over the same network with the same dice. Rates are of everything up to IP, UDP and RTP headers. "
        "Delay is from mouth to ear without the sound cards. Paths take 20 ms where the name does not say more. "
        "`burst4-20` loses 20 % in bursts of 4 packets in the mean (Gilbert-Elliott).",
        "",
        "## What was asked",
        "",
        verdicts(outcomes, scores),
        "",
        "## Where the plain receiver is better",
        "",
        defeats(outcomes, scores),
        "",
        "## Everything",
        "",
        table(outcomes, scores),
        "",
    ]
    for family, path in pictures:
        text += [f"![{family}]({path.relative_to(output)})", ""]
    text += ["## Figures that could not be made", ""]
    if missing:
        for (metric, reason), names in sorted(missing.items()):
            where = ", ".join(sorted({f"{case} ({receiver})" for case, receiver in names}))
            text.append(f"- {NAMES[metric]} of {len(names)} sentences, `{reason}`: {where}")
    else:
        text.append("None: every tool scored every sentence.")
    remarks = output / "quality" / "remarks.md"
    if remarks.exists():
        text += ["", remarks.read_text().rstrip()]
    text += [
        "",
        "No listening test was held, and no other engine was run here. The recordings are of two voices at 16 kHz, so "
        "nothing above 8 kHz is judged.",
        "",
    ]
    (output / "quality.md").write_text("\n".join(text))
    print(f"{output / 'quality.md'}: {len(outcomes)} outcomes, {count} sentences each")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
