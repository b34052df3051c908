"""SavedModels that take text: tokenizing, vocabulary, model in one graph. TensorFlow only.

The exported folder needs nothing but TensorFlow to run: no keras_rnn, and no tensorflow_text either.
"""

from keras_rnn.export.language_model import export_language_model
from keras_rnn.export.text_model import export_text_model

__all__ = ["export_language_model", "export_text_model"]
