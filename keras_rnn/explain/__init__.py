"""Why a text classifier says what it says: what each word contributes, and how that is shown."""

from keras_rnn.explain.shown import as_html, as_text
from keras_rnn.explain.word_contributions import METHODS, Explanation, contributions

__all__ = ["METHODS", "Explanation", "as_html", "as_text", "contributions"]
