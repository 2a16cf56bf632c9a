"""The pieces that several networks are made of, named as the PyTorch weights are.

Everything is channels last, whatever the user's Keras is set to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

Tensor = Any
"""A KerasTensor, (B, H, W, C); or what computes, in a layer that is called."""
_LAST = "channels_last"
# PyTorch's own. Keras counts what is kept of the running statistics, PyTorch what is taken in.
_MOMENTUM = 0.9
_EPSILON = 1e-5
COUNTER = "num_batches_tracked"
# He et al. 2015, equation 10; Keras's own "he_normal" cuts the tails off.
_HE = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


@dataclass(frozen=True)
class At:
    """Where among the PyTorch model's weights a layer's are: ``at / "encoder" / 0``.

    ``is_portable``: Keras's own layers alone, so that a model which was saved as ``.keras`` loads
    where this package is not. It predicts the same; what it cannot do `BatchNormalization` and
    `Upsampling` say.
    """

    name: str
    is_portable: bool = False

    def __truediv__(self, part: str | int) -> At:
        return replace(self, name=f"{self.name}.{part}")

    @property
    def layer(self) -> str:
        """The layer's name: neither a scope of TensorFlow nor PyTorch allows every character."""
        return self.name.replace(".", "-")


def weight_name(layer: str) -> str:
    """The inverse of `At.layer`."""
    return layer.replace("-", ".")


@keras.saving.register_keras_serializable(package="pixelwise")
class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch normalisation that keeps PyTorch's running statistics.

    The variance that is kept is that of the population, n / (n - 1) of the batch's, where Keras
    keeps the batch's; and the batches are counted. Predictions are those of Keras's own layer.
    """

    def build(self, input_shape: Any) -> None:
        """As Keras's own, and a counter, which no step of an optimiser touches."""
        super().build(input_shape)
        self.num_batches_tracked = self.add_weight(
            shape=(), name=COUNTER, dtype="int32", initializer="zeros", trainable=False
        )

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """(B, H, W, C) -> the same."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        outputs, mean, variance = _normalised(
            ops.cast(inputs, "float32"), self.gamma, self.beta, self.epsilon
        )
        for kept, taken_in in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept.assign(self.momentum * kept + (1 - self.momentum) * taken_in)
        self.num_batches_tracked.assign_add(1)
        return ops.cast(outputs, self.compute_dtype)


def _normalised(
    inputs: Tensor, gain: Tensor, shift: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What is normalised by its own statistics; its mean; its variance as the population's."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Half the time of the operations one by one.
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=gain,
            offset=shift,
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=epsilon,
        )
        return outputs, mean, variance
    mean = ops.mean(inputs, axis=(0, 1, 2))
    middled = inputs - mean
    variance = ops.mean(ops.square(middled), axis=(0, 1, 2))
    count = ops.cast(ops.prod(ops.shape(inputs)[:-1]), variance.dtype)
    outputs = middled * (gain * ops.rsqrt(variance + epsilon)) + shift
    return outputs, mean, variance * count / (count - 1)


@keras.saving.register_keras_serializable(package="pixelwise")
class Upsampling(keras.layers.UpSampling2D):  # type: ignore[misc]
    """Upsampling that also works in a graph of TensorFlow whose pictures have any size.

    Keras 3.15 asks there whether the size is above zero, which such a graph cannot answer; and it
    forgets how many channels there are, which LiteRT has to know.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """(B, h, w, C) -> (B, 2 h, 2 w, C)."""
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        import tensorflow as tf

        enlarged = tf.image.resize(inputs, 2 * tf.shape(inputs)[1:3], self.interpolation)
        return tf.cast(enlarged, inputs.dtype)


def conv(
    at: At, inputs: Tensor, channels: int, kernel: int, stride: int = 1, bias: bool = False
) -> Tensor:
    """Convolution that pads with zeros: (B, H, W, C) -> (B, H / stride, W / stride, channels)."""
    layer = keras.layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=bias,
        kernel_initializer=_HE,
        data_format=_LAST,
        name=at.layer,
    )
    return layer(inputs)


def head(at: At, inputs: Tensor, channels: int, spread: float) -> Tensor:
    """1 x 1 convolution to the channels of a map, whose weights begin as small as ``spread``."""
    layer = keras.layers.Conv2D(
        channels,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=spread),
        data_format=_LAST,
        name=at.layer,
    )
    return layer(inputs)


def norm(at: At, inputs: Tensor) -> Tensor:
    """Batch normalisation over the channels."""
    kind = keras.layers.BatchNormalization if at.is_portable else BatchNormalization
    return kind(axis=-1, momentum=_MOMENTUM, epsilon=_EPSILON, name=at.layer)(inputs)


def conv_bn_relu(
    at: At, inputs: Tensor, channels: int, kernel: int = 3, stride: int = 1, first: int = 0
) -> Tensor:
    """Convolution without bias, batch normalisation, ReLU; ``first``: the convolution's number."""
    features = conv(at / first, inputs, channels, kernel, stride)
    return ops.relu(norm(at / (first + 1), features))


def conv_relu_bn(at: At, inputs: Tensor, channels: int) -> Tensor:
    """3 x 3 convolution with bias, ReLU, batch normalisation: in this order in the lesson."""
    return norm(at / 2, ops.relu(conv(at / 0, inputs, channels, 3, bias=True)))


def double(at: At, inputs: Tensor, channels: int) -> Tensor:
    """Two 3 x 3 convolutions, each normalised: one level of a U-Net."""
    return conv_bn_relu(at / 1, conv_bn_relu(at / 0, inputs, channels), channels)


def pool(inputs: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, H / 2, W / 2, C), the largest of every 2 x 2."""
    return keras.layers.MaxPooling2D(2, data_format=_LAST)(inputs)


def upsample(at: At, inputs: Tensor, interpolation: str = "bilinear") -> Tensor:
    """(B, h, w, C) -> (B, 2 h, 2 w, C), pixel centres at i + 0.5; or "nearest"."""
    if at.is_portable and interpolation == "bilinear" and None in inputs.shape[1:3]:
        return _blend(upsample(at, inputs, "nearest"))
    kind = keras.layers.UpSampling2D if at.is_portable else Upsampling
    return kind(2, data_format=_LAST, interpolation=interpolation)(inputs)


def _blend(nearest: Tensor) -> Tensor:
    """Bilinear from nearest, in layers that know no sizes: a quarter of both neighbours.

    ``keras.layers.UpSampling2D`` cannot be traced at a size that is not known yet, and `predict`
    traces so from the second size on.
    """
    features = ops.pad(nearest, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    for _ in range(2):
        features = keras.layers.AveragePooling2D(2, strides=1, data_format=_LAST)(features)
    return features


def concatenate(*inputs: Tensor) -> Tensor:
    """Channels one after the other."""
    return ops.concatenate(inputs, axis=-1)
