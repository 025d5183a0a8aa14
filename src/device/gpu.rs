//! An opened device, and the device that replaces it after a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::adapter::{BACKENDS_IN_TURN, check_limits, describe, is_software, ranked_adapters};
use super::driver::{Driver, SystemDriver};
use super::failure::{Failure, one_line};
use super::job_threads::JobThreads;
use super::limits::{Care, DeviceLimits};
use super::pace::Paces;
use super::pipelines::{Pipelines, Stage};
use super::poller::Poller;
use super::raw_device::Device;
use super::shader::Shader;
use crate::error::Error;
use crate::execution::AdapterDescription;
use crate::support::monitor::Monitor;

/// An opened GPU device that many jobs can share. Cloning is cheap and shares the device.
///
/// Dropping the last clone waits until the device has finished its work. That includes the work of
/// cancelled jobs, which have returned earlier.
///
/// # Examples
///
/// ```no_run
/// use cofire::{Analysis, gpu::Gpu};
/// # let (layer_1, layer_2) = (ndarray::Array2::<f32>::zeros((9, 9)), ndarray::Array2::<f32>::zeros((9, 9)));
///
/// let gpu = Gpu::open(None)?; // or Some("nvidia")
/// let settings = Analysis::new(10).engine(gpu);
/// let first = settings.run(layer_1.view())?;
/// let second = settings.run(layer_2.view())?; // no second start-up
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gpu {
    /// The threads on which jobs run. The handle that a job itself gets has none, so that the
    /// threads end with the handles of the callers.
    job_threads: Option<Arc<JobThreads>>,
    shared: Arc<Shared>,
    /// The most bytes of device memory for a job of this handle.
    memory_limit: Option<u64>,
}

#[derive(Debug)]
struct Shared {
    /// The poller, dropped first, because its thread holds the device while a submission is under
    /// way.
    poller: Poller,
    device: Device,
    pipelines: Pipelines,
    paces: Paces,
    /// True for a device that was opened here, which can be opened again. False for the caller's
    /// own.
    is_own: bool,
    failed: AtomicBool,
    /// The driver's reason for the loss of the device, once it is lost.
    loss: Arc<Mutex<Option<String>>>,
    /// The device that replaced this one after it failed.
    successor: Mutex<Option<Gpu>>,
}

/// Devices that hang. They are kept for ever, because dropping a device waits for it.
static ABANDONED: Mutex<Vec<Gpu>> = Mutex::new(Vec::new());

/// The result of the search for [`crate::Engine::Auto`], kept for the next job.
static FIRST_REAL: Mutex<Search> = Mutex::new(Search::NotYet);

#[derive(Debug, Clone)]
enum Search {
    NotYet,
    Ended(Option<Gpu>),
}

impl Gpu {
    /// Opens the best adapter whose label contains `name`, ignoring case. Without a name, opens the
    /// best of all.
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

    /// Opens an adapter as [`Gpu::open`] does, for callers that have an executor or run in a
    /// browser.
    ///
    /// # Errors
    ///
    /// The same errors as [`Gpu::open`].
    pub async fn open_async(name: Option<&str>) -> Result<Self, Error> {
        Self::open_with(name, Arc::new(SystemDriver)).await
    }

    /// Opens an adapter as [`Gpu::open_async`] does, and calls it through `driver`.
    pub(crate) async fn open_with(
        name: Option<&str>,
        driver: Arc<dyn Driver>,
    ) -> Result<Self, Error> {
        let wanted = name.map(str::to_lowercase).unwrap_or_default();
        let mut available = Vec::new();
        for backends in BACKENDS_IN_TURN {
            for adapter in ranked_adapters(backends).await {
                let label = describe(&adapter.get_info()).to_string();
                if label.to_lowercase().contains(&wanted) {
                    return Self::request(&adapter, driver).await;
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

    /// Uses a device that the caller opened, with the limits that the caller gave it.
    ///
    /// The device stays the caller's: its handlers of errors and of its loss are left alone. If it
    /// is lost, no other device is opened, and the CPU does the rest of the job.
    ///
    /// # Errors
    ///
    /// [`Error::AdapterTooSmall`] if the device's limits are too low for any kernel.
    pub fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Result<Self, Error> {
        Self::from_device_with(device, queue, Arc::new(SystemDriver))
    }

    /// Uses a device of the caller's own, and calls it through `driver`.
    pub(crate) fn from_device_with(
        device: wgpu::Device,
        queue: wgpu::Queue,
        driver: Arc<dyn Driver>,
    ) -> Result<Self, Error> {
        Self::new(device, queue, false, driver)
    }

    fn new(
        raw: wgpu::Device,
        queue: wgpu::Queue,
        is_own: bool,
        driver: Arc<dyn Driver>,
    ) -> Result<Self, Error> {
        let adapter = describe(&raw.adapter_info());
        let limits = raw.limits();
        check_limits(&adapter, &limits)?;
        let device = Device { raw, queue, limits, adapter, driver };
        let threads = JobThreads::new(device.adapter.to_string(), device.takes_turns());
        let shared = Shared {
            poller: Poller::default(),
            device,
            pipelines: Pipelines::default(),
            paces: Paces::default(),
            is_own,
            failed: AtomicBool::new(false),
            loss: Arc::default(),
            successor: Mutex::default(),
        };
        let job_threads = Some(Arc::new(threads));
        Ok(Self { job_threads, shared: Arc::new(shared), memory_limit: None })
    }

    async fn request(adapter: &wgpu::Adapter, driver: Arc<dyn Driver>) -> Result<Self, Error> {
        let description = describe(&adapter.get_info());
        // No more than what every WebGPU device has, and less if the adapter has less.
        let limits = wgpu::Limits::default().or_worse_values_from(&adapter.limits());
        check_limits(&description, &limits)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("cofire"),
            required_limits: limits,
            // Buffers are few and large. The default would reserve hundreds of MiB, most of which
            // stay empty.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|error| {
            Error::DeviceRefused { adapter: description.to_string(), reason: error.to_string() }
        })?;
        // Every call is made inside an error scope. An error that still gets here must not end the
        // process.
        device.on_uncaptured_error(Arc::new(|error| log::error!("wgpu: {error}")));
        let gpu = Self::new(device, queue, true, driver)?;
        let loss = Arc::clone(&gpu.shared.loss);
        gpu.device().set_device_lost_callback(move |reason, message| {
            let text = one_line(&format!("{reason:?} {message}"));
            *loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        });
        Ok(gpu)
    }

    /// Returns the same device for a job that may use at most `bytes` of its memory.
    pub(crate) fn with_memory_limit(self, bytes: Option<u64>) -> Self {
        Self { memory_limit: bytes, ..self }
    }

    /// Returns the limits that a job has to obey.
    pub(crate) fn limits_of_job(&self, care: Care) -> DeviceLimits {
        let subgroup_size = self.device().adapter_info().subgroup_max_size;
        DeviceLimits::of(&self.inner().limits, subgroup_size, self.memory_limit).with(care)
    }

    /// Returns the device that the next job should use: this one, or the one that replaced it.
    pub(crate) fn current(&self) -> Self {
        let successor = self.shared.successor.lock().unwrap_or_else(PoisonError::into_inner);
        let current = successor.as_ref().unwrap_or(self);
        // A device that replaced another one uses the threads of that one.
        Self { shared: Arc::clone(&current.shared), ..self.clone() }
    }

    /// Runs a job on the device. If the handle has threads, the job runs on one of them.
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

    /// Returns a device in place of the current one, which has failed: the one that another job has
    /// opened meanwhile, or a new one on the same adapter. Returns `None` if the device is the
    /// caller's own.
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

    /// Opens an adapter of the same description. Adapters are enumerated again, because what a
    /// driver reported before a reset may no longer hold.
    async fn open_again(&self) -> Result<Self, Error> {
        let mut available = Vec::new();
        for backends in BACKENDS_IN_TURN {
            for adapter in ranked_adapters(backends).await {
                let description = describe(&adapter.get_info());
                if description == self.inner().adapter {
                    return Self::request(&adapter, Arc::clone(&self.inner().driver)).await;
                }
                available.push(description.to_string());
            }
        }
        Err(Error::AdapterNotFound { requested: self.inner().adapter.to_string(), available })
    }

    /// Returns a device on the first adapter that is not a software one. The search is made once
    /// per process, and again if the device has failed since.
    pub(crate) async fn first_real() -> Option<Self> {
        let known = FIRST_REAL.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Search::Ended(None) => None,
            Search::Ended(Some(gpu)) if !gpu.current().has_failed() => Some(gpu),
            Search::Ended(Some(_)) | Search::NotYet => {
                let gpu = Self::open_first_real().await;
                let mut known = FIRST_REAL.lock().unwrap_or_else(PoisonError::into_inner);
                *known = Search::Ended(gpu.clone());
                gpu
            }
        }
    }

    async fn open_first_real() -> Option<Self> {
        for backends in BACKENDS_IN_TURN {
            let adapters = ranked_adapters(backends).await;
            for adapter in adapters.iter().filter(|a| !is_software(&a.get_info())) {
                match Self::request(adapter, Arc::new(SystemDriver)).await {
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

    /// Returns the driver's description of the adapter.
    #[must_use]
    pub fn adapter(&self) -> &AdapterDescription {
        &self.shared.device.adapter
    }

    /// Returns the device, for other work of the caller.
    ///
    /// The device stays the one that was opened first. When it is lost, jobs go on with another
    /// device of the same adapter, but this method still returns the first.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device.raw
    }

    /// Returns the queue of the device.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.shared.device.queue
    }

    /// Returns the device as submissions use it.
    pub(crate) fn inner(&self) -> &Device {
        &self.shared.device
    }

    /// Returns a shader with its pipeline. The pipeline is built now if it is not kept.
    pub(crate) async fn stage(&self, shader: Shader) -> Result<Stage, Failure> {
        let pipeline = self.shared.pipelines.get(self.inner(), &shader).await?;
        Ok(Stage { shader, pipeline })
    }

    pub(crate) fn paces(&self) -> &Paces {
        &self.shared.paces
    }

    pub(crate) fn poller(&self) -> &Poller {
        &self.shared.poller
    }

    /// Marks the device as failed, so that a later job opens another one.
    pub(crate) fn mark_failed(&self) {
        self.shared.failed.store(true, Ordering::Relaxed);
    }

    /// Marks a device that hangs as failed, and never drops it.
    pub(crate) fn abandon(&self) {
        self.mark_failed();
        ABANDONED.lock().unwrap_or_else(PoisonError::into_inner).push(self.clone());
    }

    /// Returns the driver's reason for the loss of the device, if the driver gave one.
    pub(crate) fn loss(&self) -> Option<String> {
        self.shared.loss.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops the devices that tests only pretended to hang.
    #[cfg(test)]
    pub(crate) fn drop_abandoned() {
        ABANDONED.lock().unwrap().clear();
    }

    fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }
}
