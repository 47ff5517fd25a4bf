"""Scores what `sidetone bench echo` wrote and puts a target beside each figure.

Usage: rooms.py ROOMS.json WAV-FOLDER OUTPUT.md

AECMOS hears what was played, what the microphone captured and what was sent, from when the canceller had its time to
learn and, in double talk, both speak. It takes 20 s at most, hence the stretch. The voices are band-limited to 8 kHz,
hence its model of 16 kHz. PESQ and DNSMOS hear the near end where it speaks alone.
"""

import datetime
import json
import os
import sys
from importlib import metadata
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pesq import pesq
from scipy.io import wavfile
from scipy.signal import resample_poly
from speechmos import aecmos, dnsmos

RATE = 16000
# What AECMOS takes, in seconds.
STRETCH = 19
PACKAGES = ["speechmos", "pesq"]

# Case, figure, target: at least so much. From the issue; a prefix of the case's name will do.
TARGETS = [
    ("far-", "erle_db", 40),
    ("drift-plus-100", "erle_db", 30),
    ("drift-minus-100", "erle_db", 30),
    ("double-", "echo_mos", 4.6),
    ("double-", "deg_mos", 3.3),
    ("near", "pesq", 3.7),
]
# Double talk below these is out of the question.
FLOORS = {"echo_mos": 4.5, "deg_mos": 3.1}

COLUMNS = [
    ("erle_db", "ERLE dB", 1),
    ("erle_worst_db", "worst 3 s", 1),
    ("convergence_s", "20 dB after s", 1),
    ("echo_mos", "AECMOS echo", 2),
    ("deg_mos", "AECMOS degradation", 2),
    ("pesq", "PESQ-WB", 2),
    ("pesq_mic", "PESQ-WB of the microphone", 2),
    ("dnsmos", "DNSMOS", 2),
    ("dnsmos_mic", "DNSMOS of the microphone", 2),
    ("near_attenuation_db", "near end lower by dB", 1),
    ("onset_attenuation_db", "onsets", 1),
    ("gain_swing_db", "gain swing dB", 1),
    ("noise_reduction_db", "noise lower by dB", 1),
    ("delay_ms", "added delay ms", 1),
]


def read(folder, case, name):
    rate, samples = wavfile.read(folder / f"{case}.{name}.wav")
    assert rate == 3 * RATE, f"{case}: {rate} Hz"
    return resample_poly(samples / 32768.0, 1, 3).astype(np.float32).clip(-1, 1)


def scores(outcome, folder):
    far, near, mic, out = (read(folder, outcome["case"], name) for name in ["far", "near", "mic", "out"])
    start = int(outcome["settled_s"] * RATE)
    part = slice(start, start + STRETCH * RATE)
    found = {}
    if outcome["far"] or outcome["near"]:
        kind = {(True, False): "st", (False, True): "nst"}.get((outcome["far"], outcome["near"]), "dt")
        heard = aecmos.run({"lpb": far[part], "mic": mic[part], "enh": out[part]}, sr=RATE, talk_type=kind)
        # Each kind of talk has the scores that mean something in it.
        found["echo_mos"] = heard["echo_mos"] if outcome["far"] else None
        found["deg_mos"] = heard["deg_mos"] if outcome["near"] else None
    if outcome["near"] and not outcome["far"]:
        for name, sound in [("", out), ("_mic", mic)]:
            found["pesq" + name] = pesq(RATE, near[part], sound[part], "wb")
            found["dnsmos" + name] = dnsmos.run(sound[part], sr=RATE)["ovrl_mos"]
    return found


def verdict(value, target, floor):
    if value >= target:
        return "met"
    return "missed" if floor is None or value < floor else "missed, above the floor"


def main():
    report = json.loads(Path(sys.argv[1]).read_text())
    folder, output = Path(sys.argv[2]), Path(sys.argv[3])
    outcomes = [outcome | scores(outcome, folder) for outcome in report["outcomes"]]

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    parts = [name for name, on in report["processing"].items() if on]
    lines = [
        "# Voice processing in rooms",
        "",
        f"{datetime.date.today()}, by `tools/quality/rooms`: {report['seconds']:.0f} s a case, seed {report['seed']}, "
        f"{', '.join(parts)} on; {versions}.",
        "",
        "A room of arithmetic: real speech of a woman is played by a speaker with a clock and 25 ms of delay of its own "
        "and comes back through a tail of 16 or 64 ms (the number in the name; 64 where there is none), 6 dB below a "
        "man at the microphone. `drift` is the "
        "speaker's clock against the microphone's in ppm, `swap` another speaker with 85 ms in another room half-way. "
        "Callbacks are up to 1.5 ms late. The speaker is linear and nobody moves: real rooms are worse. A fan is 15 dB "
        "below the voice, typing peaks 22 dB below full scale. The microphone's own noise is at -80 dB of full scale, "
        "which lets ERLE say more than an ear or a cheaper microphone would. ERLE includes suppression and, where it "
        "is on, what gain control adds to the residue.",
        "",
        "The canceller is tuned for double talk, on other seeds, other parts of the recordings and with the voices in each "
        "other's place; the last of its numbers, how fast a band may come back, on these cases too. As it comes, the "
        "degradation of double talk was 2.4 to 3.0 here: it believed its filter 6 dB at most. What is let go of the echo "
        "for the near end costs AECMOS echo, so both are now near their targets.",
        "",
        "## Against the targets",
        "",
        "| case | figure | target | measured | |",
        "|---|---|---|---|---|",
    ]
    titles = {key: title for key, title, _ in COLUMNS}
    digits = {key: count for key, _, count in COLUMNS}
    for prefix, key, target in TARGETS:
        for outcome in outcomes:
            exact = prefix == outcome["case"] or (prefix.endswith("-") and outcome["case"].startswith(prefix))
            value = outcome.get(key)
            if exact and value is not None:
                lines.append(
                    f"| {outcome['case']} | {titles[key]} | {target} | {value:.{digits[key]}f} | "
                    f"{verdict(value, target, FLOORS.get(key))} |"
                )
    lines += ["", "## All figures", ""]
    shown = [column for column in COLUMNS if any(outcome.get(column[0]) is not None for outcome in outcomes)]
    lines.append("| case | " + " | ".join(title for _, title, _ in shown) + " |")
    lines.append("|---" * (len(shown) + 1) + "|")
    for outcome in outcomes:
        cells = [
            "" if outcome.get(key) is None else f"{outcome[key]:.{digit}f}" for key, _, digit in shown
        ]
        lines.append(f"| {outcome['case']} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "ERLE is that of the last third, `worst 3 s` the least of any three seconds in it. The near end lower by a "
        "negative number is louder: gain control. `onsets` are the first 200 ms after each pause of half a second. "
        "`gain swing` is between the 5th and the 95th percentile of the gain of single seconds; in double talk it "
        "includes what suppression takes. Scores of a person listening are not in here.",
        "",
    ]
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(lines))
    print(output.read_text())


main()
