//! Feed-forward networks, trained with candle.

use std::ops::ControlFlow;

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Uniform};

use crate::error::Error;
use crate::random::{Purpose, random};
use crate::tasks::Examples;

/// The function that hidden neurons apply to the sum of their inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// `max(0, x)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Nonlinearity {
    /// Returns the name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Tanh => "tanh",
        }
    }

    fn of(self, sums: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Relu => sums.relu(),
            Self::Tanh => sums.tanh(),
        }
    }
}

/// The shape of a network, and the settings of its training.
#[derive(Debug, Clone)]
pub struct Training {
    /// The number of neurons of each hidden layer.
    pub hidden: Vec<usize>,
    /// The nonlinearity of the hidden neurons.
    pub nonlinearity: Nonlinearity,
    /// The step size of Adam.
    pub learning_rate: f64,
    /// The number of samples in a step.
    pub batch: usize,
    /// The maximum number of passes through the training set.
    pub epochs: usize,
    /// The mean loss, in nats, below which training ends after an epoch. By then, the network has
    /// memorized or understood the training set.
    pub enough: f64,
}

/// A trained network.
#[derive(Debug)]
pub struct Network {
    layers: Vec<Linear>,
    nonlinearity: Nonlinearity,
}

/// A network and the results of its training.
#[derive(Debug)]
pub struct Trained {
    /// The network.
    pub network: Network,
    /// The number of passes through the training set.
    pub epochs: usize,
    /// The mean loss of the last pass, in nats.
    pub loss: f64,
    /// The share of training samples that the network classifies as labelled, wrong labels
    /// included.
    pub accuracy: f64,
}

impl Network {
    /// Trains a network with Adam on the cross-entropy of `classes` classes. Weights start as
    /// Glorot and Bengio propose, biases at 0. The same seed gives the same network, to the bit on
    /// one kind of CPU. On another, matrix products may be rounded differently.
    ///
    /// Calls `each_epoch` after every epoch, which may stop the training.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Diverged`] if the loss is not finite, [`Error::Stopped`] if `each_epoch`
    /// breaks, and [`Error::Tensors`] if candle fails, for example for a class beyond `classes`.
    pub fn train(
        examples: &Examples,
        classes: usize,
        training: &Training,
        seed: u64,
        mut each_epoch: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Trained, Error> {
        let inputs = tensor(examples.inputs.view())?;
        let labels = Tensor::new(examples.labels.as_slice(), &Device::Cpu)?;
        let (network, variables) = Self::new(examples.inputs.ncols(), classes, training, seed)?;
        let settings =
            ParamsAdamW { lr: training.learning_rate, weight_decay: 0.0, ..ParamsAdamW::default() };
        let mut optimizer = AdamW::new(variables, settings)?;

        let count = examples.labels.len();
        let mut order: Vec<u32> = (0..).take(count).collect();
        let mut random = random(seed, Purpose::Order);
        let (mut epoch, mut loss) = (0, f64::INFINITY);
        while epoch < training.epochs && loss >= training.enough {
            order.shuffle(&mut random);
            let mut sum = 0.0;
            for batch in order.chunks(training.batch) {
                let samples = Tensor::new(batch, &Device::Cpu)?;
                let logits = network.outputs(&inputs.index_select(&samples, 0)?)?;
                let wanted = labels.index_select(&samples, 0)?;
                let batch_loss = candle_nn::loss::cross_entropy(&logits, &wanted)?;
                optimizer.backward_step(&batch_loss)?;
                sum += f64::from(batch_loss.to_scalar::<f32>()?) * batch.len() as f64;
            }
            epoch += 1;
            loss = sum / count as f64;
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch });
            }
            if each_epoch().is_break() {
                return Err(Error::Stopped);
            }
        }
        let accuracy = network.accuracy(examples)?;
        Ok(Trained { network, epochs: epoch, loss, accuracy })
    }

    /// Makes an untrained network. Also returns its variables.
    fn new(
        inputs: usize,
        classes: usize,
        training: &Training,
        seed: u64,
    ) -> Result<(Self, Vec<Var>), Error> {
        let mut random = random(seed, Purpose::Weights);
        let (mut layers, mut variables) = (Vec::new(), Vec::new());
        let mut width = inputs;
        for &next in training.hidden.iter().chain([&classes]) {
            let weights = Var::from_tensor(&glorot(next, width, &mut random)?)?;
            let biases = Var::zeros(next, DType::F32, &Device::Cpu)?;
            let (weight, bias) = (weights.as_tensor().clone(), biases.as_tensor().clone());
            layers.push(Linear::new(weight, Some(bias)));
            variables.extend([weights, biases]);
            width = next;
        }
        Ok((Self { layers, nonlinearity: training.nonlinearity }, variables))
    }

    /// Returns the logits of samples.
    fn outputs(&self, inputs: &Tensor) -> candle_core::Result<Tensor> {
        let mut values = inputs.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            values = layer.forward(&values)?;
            if index + 1 < self.layers.len() {
                values = self.nonlinearity.of(&values)?;
            }
        }
        Ok(values)
    }

    /// Returns the share of samples that the network classifies as labelled.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Tensors`] if the inputs are not as wide as those that the network was
    /// trained on.
    pub fn accuracy(&self, examples: &Examples) -> Result<f64, Error> {
        let outputs = self.outputs(&tensor(examples.inputs.view())?)?;
        let classes: Vec<u32> = outputs.argmax(D::Minus1)?.to_vec1()?;
        let right = classes.iter().zip(&examples.labels).filter(|(said, given)| said == given);
        Ok(right.count() as f64 / examples.labels.len() as f64)
    }

    /// Returns the activations of each hidden layer, `samples × neurons`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Tensors`] if the inputs are not as wide as those that the network was
    /// trained on.
    pub fn activations(
        &self,
        inputs: ArrayView2<'_, f32>,
        probe: Probe,
    ) -> Result<Vec<Array2<f32>>, Error> {
        let mut values = tensor(inputs)?;
        let hidden = &self.layers[..self.layers.len() - 1];
        let mut activations = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let sums = layer.forward(&values)?;
            values = self.nonlinearity.of(&sums)?;
            let probed = match probe {
                Probe::Output => &values,
                Probe::Sum => &sums,
            };
            let (samples, neurons) = probed.dims2()?;
            let flat = probed.flatten_all()?.to_vec1()?;
            let layer = Array2::from_shape_vec((samples, neurons), flat)
                .map_err(candle_core::Error::wrap)?;
            activations.push(layer);
        }
        Ok(activations)
    }
}

/// The value of a neuron that counts as its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Probe {
    /// The output, after the nonlinearity.
    #[default]
    Output,
    /// The sum of the inputs, before the nonlinearity. The paper's released code records this for
    /// its networks on MNIST (but not for those on circles).
    Sum,
}

/// Draws uniform weights with standard deviation √(2 / (rows + columns)).
fn glorot(rows: usize, columns: usize, random: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    #[expect(clippy::cast_possible_truncation, reason = "a weight is in single precision")]
    let limit = (6.0 / (rows + columns) as f64).sqrt() as f32;
    let uniform = Uniform::new_inclusive(-limit, limit).map_err(candle_core::Error::wrap)?;
    let weights: Vec<f32> = uniform.sample_iter(random).take(rows * columns).collect();
    Tensor::from_vec(weights, (rows, columns), &Device::Cpu)
}

fn tensor(array: ArrayView2<'_, f32>) -> candle_core::Result<Tensor> {
    let values: Vec<f32> = array.iter().copied().collect();
    Tensor::from_vec(values, array.dim(), &Device::Cpu)
}
