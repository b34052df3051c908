"""MIDI files are read back by mido as what was written."""

import mido
import numpy as np
import pytest

from keras_rnn.midi import TICKS, write_midi


def sounding(path, steps):
    """The roll that a MIDI file plays."""
    roll, time, on = np.zeros((steps, 88), int), 0, {}
    for message in mido.MidiFile(path).tracks[0]:
        time += message.time
        if message.type == "note_on":
            on[message.note] = time
        elif message.type == "note_off":
            roll[on.pop(message.note) // TICKS : time // TICKS, message.note - 21] += 1
    assert not on
    return roll


def test_a_roll_is_written_note_for_note(tmp_path):
    roll = (np.random.default_rng(0).random((12, 88)) < 0.1).astype("uint8")
    roll[5] = 0
    roll[:, 0] = roll[:, 87] = 1  # from the first step to the last, the lowest and the highest
    write_midi(roll, tmp_path / "piece.mid", tempo=120)
    assert np.array_equal(sounding(tmp_path / "piece.mid", 12), roll)
    track = mido.MidiFile(tmp_path / "piece.mid").tracks[0]
    assert track[0].tempo == 500_000
    assert sum(m.type == "note_on" and m.note == 21 for m in track) == 1  # one long note
    assert mido.MidiFile(tmp_path / "piece.mid").length == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("roll", "tempo", "message"),
    [
        (np.full((2, 88), 2), 90, "`roll` must be 0 or 1"),
        (np.zeros(88), 90, "`roll`"),
        (np.eye(88), 0, "`tempo`"),
    ],
)
def test_what_is_refused(roll, tempo, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_midi(roll, tmp_path / "piece.mid", tempo)
