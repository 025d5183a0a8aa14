//! An opened device, and what took its place when it had failed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::{BACKENDS_IN_TURN, check_limits, describe, is_software, ranked_adapters};
use super::job_threads::JobThreads;
use super::limits::{Care, DeviceLimits};
use super::pace::Paces;
use super::pipelines::Pipelines;
use super::poller::Poller;
use crate::Error;
use crate::execution::AdapterDescription;
use crate::support::monitor::Monitor;

/// An opened GPU device, to be shared by many jobs. Cloning it is cheap and shares the device.
///
/// Where the last one is dropped, that waits for what the device is doing: a job that was cancelled has
/// returned before.
///
/// # Examples
///
/// ```no_run
/// use cofire::{Analysis, gpu::Gpu};
/// # let (layer_1, layer_2) = (ndarray::Array2::zeros((9, 9)), ndarray::Array2::zeros((9, 9)));
///
/// let gpu = Gpu::open(None)?; // or Some("nvidia")
/// let settings = Analysis::new(10).engine(gpu);
/// let first = settings.run(layer_1.view())?;
/// let second = settings.run(layer_2.view())?; // no second start-up
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gpu {
    /// Where its jobs run. What jobs themselves have of the device has none: threads end with what their
    /// callers have.
    job_threads: Option<Arc<JobThreads>>,
    shared: Arc<Shared>,
    /// The most bytes of its memory for a job of this handle.
    memory_limit: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    /// The first to be dropped: its thread holds the device while a submission is under way.
    poller: Poller,
    device: wgpu::Device,
    queue: wgpu::Queue,
    adapter: AdapterDescription,
    limits: wgpu::Limits,
    pipelines: Pipelines,
    paces: Paces,
    /// Whether it was opened here, and so can be again; the caller's own cannot.
    is_own: bool,
    failed: AtomicBool,
    /// Why the driver gave the device up, once it has.
    loss: Arc<Mutex<Option<String>>>,
    /// What was opened in its place when it had failed.
    successor: Mutex<Option<Gpu>>,
    #[cfg(test)]
    faults: Arc<super::faults::Faults>,
}

/// Devices that hang. To let go of one is to wait for it.
static ABANDONED: Mutex<Vec<Gpu>> = Mutex::new(Vec::new());

/// What [`crate::Engine::Auto`] found, kept for the next job.
static FIRST_REAL: Mutex<Search> = Mutex::new(Search::NotYet);

#[derive(Debug, Clone)]
enum Search {
    NotYet,
    Found(Option<Gpu>),
}

impl Gpu {
    /// Opens the best adapter whose label contains `name` in any case, or the best of all.
    ///
    /// Real GPUs come before software adapters, discrete ones before integrated ones, and Vulkan,
    /// Metal and DirectX 12 before OpenGL. The label is what [`AdapterDescription`] displays, such
    /// as `Metal/Apple M2`.
    ///
    /// # Errors
    ///
    /// [`Error::NoAdapter`], [`Error::AdapterNotFound`], [`Error::AdapterTooSmall`] or
    /// [`Error::DeviceRefused`].
    pub fn open(name: Option<&str>) -> Result<Self, Error> {
        pollster::block_on(Self::open_async(name))
    }

    /// [`Gpu::open`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// As [`Gpu::open`].
    pub async fn open_async(name: Option<&str>) -> Result<Self, Error> {
        let wanted = name.map(str::to_lowercase).unwrap_or_default();
        let mut available = Vec::new();
        for backends in BACKENDS_IN_TURN {
            for adapter in ranked_adapters(backends).await {
                let label = describe(&adapter.get_info()).to_string();
                if label.to_lowercase().contains(&wanted) {
                    return Self::request(&adapter).await;
                }
                available.push(label);
            }
        }
        match name {
            Some(name) if !available.is_empty() => {
                Err(Error::AdapterNotFound { requested: name.to_owned(), available })
            }
            _ => Err(Error::NoAdapter),
        }
    }

    /// Uses a device that the caller opened, with whatever limits it was given.
    ///
    /// It stays the caller's: its handlers of errors and of its loss are left alone, and where it is
    /// lost, nobody opens another one. What is left of a job then is the CPU's.
    ///
    /// # Errors
    ///
    /// [`Error::AdapterTooSmall`] if the device's limits are too low for any kernel.
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, Error> {
        Self::new(device, queue, false)
    }

    fn new(device: wgpu::Device, queue: wgpu::Queue, is_own: bool) -> Result<Self, Error> {
        let adapter = describe(&device.adapter_info());
        let limits = device.limits();
        check_limits(&adapter, &limits)?;
        let shared = Shared {
            poller: Poller::default(),
            device,
            queue,
            adapter,
            limits,
            pipelines: Pipelines::default(),
            paces: Paces::default(),
            is_own,
            failed: AtomicBool::new(false),
            loss: Arc::default(),
            successor: Mutex::default(),
            #[cfg(test)]
            faults: Default::default(),
        };
        let mut gpu = Self { job_threads: None, shared: Arc::new(shared), memory_limit: None };
        let threads = JobThreads::new(gpu.adapter().to_string(), gpu.takes_turns());
        gpu.job_threads = Some(Arc::new(threads));
        Ok(gpu)
    }

    async fn request(adapter: &wgpu::Adapter) -> Result<Self, Error> {
        let description = describe(&adapter.get_info());
        // Nothing beyond what every WebGPU device has, and less where the adapter has less.
        let limits = wgpu::Limits::default().or_worse_values_from(&adapter.limits());
        check_limits(&description, &limits)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("cofire"),
            required_limits: limits,
            // Buffers are few and large: of the hundreds of MiB that would be taken ahead, most stay empty.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| {
            Error::DeviceRefused { adapter: description.to_string(), reason: error.to_string() }
        })?;
        // Every call is made inside an error scope; what still gets here must not end the process.
        device.on_uncaptured_error(Arc::new(|error| log::error!("wgpu: {error}")));
        let gpu = Self::new(device, queue, true)?;
        let loss = Arc::clone(&gpu.shared.loss);
        gpu.device().set_device_lost_callback(move |reason, message| {
            let text = format!("{reason:?} {message}");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            *loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        });
        Ok(gpu)
    }

    /// The same device for a job that may have so much of its memory.
    pub(crate) fn with_memory_limit(self, bytes: Option<u64>) -> Self {
        Self { memory_limit: bytes, ..self }
    }

    /// What a job may make use of.
    pub(crate) fn limits_of_job(&self, care: Care) -> DeviceLimits {
        let subgroup_size = self.device().adapter_info().subgroup_max_size;
        DeviceLimits::of(self.limits(), subgroup_size, self.memory_limit).with(care)
    }

    /// The device that the next job should use: this one, or what took its place.
    pub(crate) fn current(&self) -> Self {
        let successor = self.shared.successor.lock().unwrap_or_else(PoisonError::into_inner);
        let current = successor.as_ref().unwrap_or(self);
        // A device that took the place of another one has its threads, too.
        Self { shared: Arc::clone(&current.shared), ..self.clone() }
    }

    /// Runs a job on it, on a thread of the device where there are threads.
    pub(crate) async fn run_job<T: Send + 'static>(
        &self,
        monitor: &Monitor,
        job: impl AsyncFnOnce(Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let gpu = Self { job_threads: None, ..self.clone() };
        match &self.job_threads {
            #[cfg(not(target_arch = "wasm32"))]
            Some(threads) => threads.run(monitor, move || pollster::block_on(job(gpu))).await,
            _ => job(gpu).await,
        }
    }

    /// A device in the place of the current one, which has failed: what another job has opened
    /// meanwhile, or a new one on the same adapter. `None` if the device is the caller's own.
    pub(crate) async fn replace(&self) -> Result<Option<Self>, Error> {
        if !self.shared.is_own {
            return Ok(None);
        }
        let current = self.current();
        if !current.has_failed() {
            return Ok(Some(current));
        }
        let opened = self.open_again().await?;
        let mut successor = self.shared.successor.lock().unwrap_or_else(PoisonError::into_inner);
        match &*successor {
            Some(other) if !other.has_failed() => {}
            _ => *successor = Some(Self { job_threads: None, ..opened }),
        }
        drop(successor);
        Ok(Some(self.current()))
    }

    /// Opens an adapter of the same description, which is asked for anew: drivers that were reset
    /// may not know what they told before.
    async fn open_again(&self) -> Result<Self, Error> {
        let mut available = Vec::new();
        for backends in BACKENDS_IN_TURN {
            for adapter in ranked_adapters(backends).await {
                let description = describe(&adapter.get_info());
                if description == self.shared.adapter {
                    let opened = Self::request(&adapter).await?;
                    #[cfg(test)]
                    let opened = opened.with_faults_of(self);
                    return Ok(opened);
                }
                available.push(description.to_string());
            }
        }
        Err(Error::AdapterNotFound { requested: self.shared.adapter.to_string(), available })
    }

    /// The first adapter that is not a software one. Looked for and opened once for the whole
    /// process, and again when the device has failed since.
    pub(crate) async fn first_real() -> Option<Self> {
        let known = FIRST_REAL.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Search::Found(None) => None,
            Search::Found(Some(gpu)) if !gpu.current().has_failed() => Some(gpu),
            Search::Found(Some(_)) | Search::NotYet => {
                let found = Self::open_first_real().await;
                let mut known = FIRST_REAL.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Search::Found(found.clone());
                found
            }
        }
    }

    async fn open_first_real() -> Option<Self> {
        for backends in BACKENDS_IN_TURN {
            let adapters = ranked_adapters(backends).await;
            for adapter in adapters.iter().filter(|a| !is_software(&a.get_info())) {
                match Self::request(adapter).await {
                    Ok(gpu) => return Some(gpu),
                    Err(error) => log::debug!("passed over: {error}"),
                }
            }
            if !adapters.is_empty() {
                break; // OpenGL would show the same hardware again
            }
        }
        None
    }

    /// What the driver says of the adapter.
    #[must_use]
    pub fn adapter(&self) -> &AdapterDescription {
        &self.shared.adapter
    }

    /// The device, for work of the caller's own beside this crate's.
    ///
    /// It stays the one that was opened first. When it is lost, jobs go on with another one of the
    /// same adapter.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// The queue of the device.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.queue
    }

    pub(crate) fn limits(&self) -> &wgpu::Limits {
        &self.shared.limits
    }

    pub(crate) fn pipelines(&self) -> &Pipelines {
        &self.shared.pipelines
    }

    pub(crate) fn paces(&self) -> &Paces {
        &self.shared.paces
    }

    pub(crate) fn poller(&self) -> &Poller {
        &self.shared.poller
    }

    /// Whether who waits for the device keeps everybody else from it.
    pub(crate) fn takes_turns(&self) -> bool {
        self.adapter().backend == "Gl"
    }

    /// Remembers that the device is of no more use, so that a later job opens another.
    pub(crate) fn mark_failed(&self) {
        self.shared.failed.store(true, Ordering::Relaxed);
    }

    /// The same for a device that hangs, which is never let go of.
    pub(crate) fn abandon(&self) {
        self.mark_failed();
        ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).push(self.clone());
    }

    /// Why the driver gave the device up, if it has said so.
    pub(crate) fn loss(&self) -> Option<String> {
        self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of the devices that tests only pretended to hang.
    #[cfg(test)]
    pub(crate) fn let_go_of_abandoned() {
        ABANDONED.lock().unwrap().clear();
    }

    #[cfg(test)]
    fn with_faults_of(mut self, other: &Self) -> Self {
        let shared = Arc::get_mut(&mut self.shared).unwrap();
        shared.faults = Arc::clone(&other.shared.faults);
        self
    }

    #[cfg(test)]
    pub(crate) fn faults(&self) -> &super::faults::Faults {
        &self.shared.faults
    }

    fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }
}
