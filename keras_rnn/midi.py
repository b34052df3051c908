"""Piano rolls as MIDI files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from keras_rnn.files import written_whole

#: The MIDI number of the first of 88 keys.
LOWEST = 21
TICKS = 480  # for a quarter note
LOUDNESS = 72


def write_midi(roll: ArrayLike, path: str | Path, tempo: float = 90.0) -> None:
    """Writes a piano roll as a MIDI file; each step is a quarter note.

    A key that sounds in steps that follow each other is one long note.

    Args:
        roll: 0 or 1, `(steps, 88)`, as `keras_rnn.models.PianoRollModel.generate` gives it.
        path: the file to write.
        tempo: quarter notes in a minute.

    Raises:
        ValueError: if `roll` is not such an array.
    """
    import mido

    roll = np.asarray(roll)
    if roll.ndim != 2 or not 0 < roll.shape[1] <= 128 - LOWEST or not np.isin(roll, (0, 1)).all():
        raise ValueError(f"`roll` must be 0 or 1, (steps, 88); received an array of shape {roll.shape}.")
    if not tempo > 0:
        raise ValueError(f"`tempo` must be positive; received tempo={tempo}.")
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=round(60e6 / tempo)))
    silence = np.zeros((1, roll.shape[1]), int)
    changes = np.diff(np.concatenate([silence, roll.astype(int), silence]), axis=0)
    passed = 0  # steps since the last message
    for step in changes:
        # What ends before what begins: a key may be struck anew.
        for key in [*np.flatnonzero(step < 0), *np.flatnonzero(step > 0)]:
            kind = "note_on" if step[key] > 0 else "note_off"
            note, time = LOWEST + int(key), passed * TICKS
            track.append(mido.Message(kind, note=note, velocity=LOUDNESS, time=time))
            passed = 0
        passed += 1
    with written_whole(path) as temporary:
        mido.MidiFile(tracks=[track], ticks_per_beat=TICKS).save(temporary)
