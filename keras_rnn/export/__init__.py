"""SavedModels: of any model, and of those that take text, with tokenizing and vocabulary in the graph.

TensorFlow only.

The exported folder needs nothing but TensorFlow to run, and no keras_rnn; that of a translator needs
tensorflow_text, too.
"""

from keras_rnn.export.language_model import export_language_model
from keras_rnn.export.saved_model import export_model
from keras_rnn.export.text_model import export_text_model
from keras_rnn.export.translation_model import export_translation_model

__all__ = ["export_language_model", "export_model", "export_text_model", "export_translation_model"]
