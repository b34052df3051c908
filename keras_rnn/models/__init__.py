"""Whole models: a core on ids, and a shell that takes text."""

from keras_rnn.models.beam_choice import choose_beam
from keras_rnn.models.cache_pointer import cache_perplexity, choose_cache
from keras_rnn.models.dynamic_evaluation import choose_dynamic, dynamic_perplexity, gradient_statistics
from keras_rnn.models.encoder_decoder import EncoderDecoder
from keras_rnn.models.feed_forward_language_model import FeedForwardLanguageModel
from keras_rnn.models.fine_tuning import FineTuning
from keras_rnn.models.kneser_ney import KneserNey
from keras_rnn.models.language_model import LanguageModel
from keras_rnn.models.log_bilinear import LogBilinear
from keras_rnn.models.monte_carlo import monte_carlo_perplexity
from keras_rnn.models.piano_roll_model import PianoRollModel
from keras_rnn.models.pointer_sentinel import PointerSentinel
from keras_rnn.models.sequence_classifier import SequenceClassifier
from keras_rnn.models.sequence_to_sequence import SequenceToSequence
from keras_rnn.models.settled_normalization import settle_normalization
from keras_rnn.models.text_model import TextModel
from keras_rnn.models.transfer import transfer
from keras_rnn.models.transformer import Transformer
from keras_rnn.models.translation import Translation
from keras_rnn.models.translation_model import TranslationModel
from keras_rnn.models.unigram_cache import UnigramCache
from keras_rnn.models.virtual_adversarial import virtual_adversarial_loss

__all__ = [
    "EncoderDecoder",
    "FeedForwardLanguageModel",
    "FineTuning",
    "KneserNey",
    "LanguageModel",
    "LogBilinear",
    "PianoRollModel",
    "PointerSentinel",
    "SequenceClassifier",
    "SequenceToSequence",
    "TextModel",
    "Transformer",
    "Translation",
    "TranslationModel",
    "UnigramCache",
    "cache_perplexity",
    "choose_beam",
    "choose_cache",
    "choose_dynamic",
    "dynamic_perplexity",
    "gradient_statistics",
    "monte_carlo_perplexity",
    "settle_normalization",
    "transfer",
    "virtual_adversarial_loss",
]
