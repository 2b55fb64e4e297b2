"""Sounds that can be recognised: a melody is a list of notes, written as a WAV file and found again in a recording."""
import array
import math
import wave

RATE = 8000
NOTE_S = 0.3
MELODY = [523.25, 659.25, 783.99, 1046.50, 783.99, 659.25]  # C5 E5 G5 C6 G5 E5
REPLY = [440.00, 587.33, 880.00, 587.33]                    # A4 D5 A5 D5


def write_melody(path, notes, seconds):
    """16-bit mono WAV at 8 kHz that repeats the notes."""
    per_note = int(RATE * NOTE_S)
    one = array.array("h")
    for f in notes:
        for i in range(per_note):
            fade = min(1.0, i / 80, (per_note - i) / 80)
            one.append(int(9000 * fade * math.sin(2 * math.pi * f * i / RATE)))
    repeats = math.ceil(seconds / (NOTE_S * len(notes)))
    with wave.open(str(path), "wb") as w:
        w.setparams((1, 2, RATE, 0, "NONE", ""))
        w.writeframes(one.tobytes() * repeats)


def _power(samples, f):
    """Goertzel: the share of the samples' energy that lies at f, 0..1."""
    total = sum(s * s for s in samples)
    if total < len(samples) * 100 * 100:
        return 0.0
    k = 2 * math.cos(2 * math.pi * f / RATE)
    a = b = 0.0
    for s in samples:
        a, b = s + k * a - b, a
    return 2 * (a * a + b * b - k * a * b) / (len(samples) * total)


def heard_notes(path, notes):
    """The recording as a sequence of indexes into the distinct notes, one for each 50 ms window that clearly holds one (None: none)."""
    with wave.open(str(path), "rb") as w:
        samples = array.array("h", w.readframes(w.getnframes()))
    distinct = sorted(set(notes))
    window = int(RATE * 0.05)
    out = []
    for at in range(0, len(samples) - window, window):
        powers = [_power(samples[at:at + window], f) for f in distinct]
        best = max(range(len(distinct)), key=lambda i: powers[i])
        out.append(best if powers[best] > 0.7 else None)
    return out, distinct


def find_melody(path, notes):
    """How many whole times the melody is in the recording, in order: runs of equal windows are notes, matched cyclically."""
    windows, distinct = heard_notes(path, notes)
    runs = []
    for x in windows:
        if x is None:
            continue
        if runs and runs[-1][0] == x:
            runs[-1][1] += 1
        else:
            runs.append([x, 1])
    sequence = [x for x, n in runs if n >= 3]
    want = [distinct.index(f) for f in notes]
    best = 0
    for start in range(len(want)):
        count = matched = 0
        for x in sequence:
            if x == want[(start + matched) % len(want)]:
                matched += 1
                count = max(count, matched)
            else:
                matched = 1 if x == want[start % len(want)] else 0
        best = max(best, count)
    return best // len(want)
