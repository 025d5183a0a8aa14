//! RADV's null device: a Vulkan device that compiles pipelines for a card that is not present, and
//! reports the results of its compiler.
//!
//! This is the only `unsafe` code of the tool, because every function of ash is unsafe. Each handle
//! is created and destroyed here and never leaves this module.

#![expect(unsafe_code, reason = "every call of Vulkan's through ash is unsafe")]

use std::ffi::c_char;

use ash::{ext, khr, vk};

use crate::error::Error;

/// A driver's report on a compiled pipeline.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The number of invocations that run in lockstep.
    pub(crate) subgroup_size: u32,
    /// The statistics, by the driver's own names.
    pub(crate) statistics: Vec<(String, u64)>,
    /// The machine code, as text.
    pub(crate) assembly: Option<String>,
}

/// An open device.
pub(crate) struct Device {
    name: String,
    properties: khr::pipeline_executable_properties::Device,
    device: ash::Device,
    instance: ash::Instance,
    /// The loader's library, which must outlive everything obtained from it.
    _entry: ash::Entry,
}

impl Device {
    /// Opens the first device of the first driver, which the environment selects with
    /// `VK_DRIVER_FILES` and, for RADV, `RADV_FORCE_FAMILY`. Returns `None` if there is no device.
    pub(crate) fn open() -> Result<Option<Self>, Error> {
        // SAFETY: the library is Vulkan's loader, whose initialisation has no preconditions.
        let entry = unsafe { ash::Entry::load() }?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let create_info = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: everything that `create_info` points to outlives the call.
        let instance = unsafe { entry.create_instance(&create_info, None) };
        let instance = match instance {
            Ok(instance) => instance,
            Err(vk::Result::ERROR_INCOMPATIBLE_DRIVER) => return Ok(None),
            Err(result) => return Err(Error::Vulkan { call: "vkCreateInstance", result }),
        };
        match Self::open_first(&instance) {
            Ok(Some((name, device))) => {
                let properties =
                    khr::pipeline_executable_properties::Device::new(&instance, &device);
                Ok(Some(Self { name, properties, device, instance, _entry: entry }))
            }
            none => {
                // SAFETY: the instance was made above, and nothing made from it is left.
                unsafe { instance.destroy_instance(None) };
                none.map(|_| None)
            }
        }
    }

    fn open_first(instance: &ash::Instance) -> Result<Option<(String, ash::Device)>, Error> {
        // SAFETY: the instance is alive.
        let physical = unsafe { instance.enumerate_physical_devices() }
            .map_err(|result| Error::Vulkan { call: "vkEnumeratePhysicalDevices", result })?;
        let Some(&physical) = physical.first() else { return Ok(None) };
        // SAFETY: the physical device came from this instance.
        let properties = unsafe { instance.get_physical_device_properties(physical) };

        let priorities = [1.0];
        let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&priorities)];
        let extensions =
            [khr::pipeline_executable_properties::NAME.as_ptr(), ext::robustness2::NAME.as_ptr()];
        // wgpu enables both kinds of robustness wherever they are supported, and RADV's compiler
        // respects them.
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true);
        let mut robustness =
            vk::PhysicalDeviceRobustness2FeaturesEXT::default().robust_buffer_access2(true);
        let mut executables = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
            .pipeline_executable_info(true);
        let mut vulkan_1_2 = vk::PhysicalDeviceVulkan12Features::default()
            .vulkan_memory_model(true)
            .shader_int8(true);
        let mut vulkan_1_3 = vk::PhysicalDeviceVulkan13Features::default()
            .maintenance4(true)
            .shader_integer_dot_product(true);
        let create_info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut robustness)
            .push_next(&mut executables)
            .push_next(&mut vulkan_1_2)
            .push_next(&mut vulkan_1_3);
        // SAFETY: everything that `create_info` points to outlives the call. Queue family 0 exists
        // on every device.
        let device = unsafe { instance.create_device(physical, &create_info, None) }
            .map_err(|result| Error::Vulkan { call: "vkCreateDevice", result })?;
        Ok(Some((text(&properties.device_name), device)))
    }

    /// Returns the driver's name for the device.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Makes a compute pipeline from SPIR-V written by naga, with `main` as entry point and one
    /// buffer for each binding, uniform or storage. Returns the driver's report on the pipeline.
    pub(crate) fn compile(&self, words: &[u32], uniforms: &[bool]) -> Result<Compiled, Error> {
        let mut made = Made::of(&self.device);
        made.create(words, uniforms)?;
        self.report(made.pipeline)
    }

    fn report(&self, pipeline: vk::Pipeline) -> Result<Compiled, Error> {
        let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
        // SAFETY: the pipeline is alive.
        let executables =
            unsafe { self.properties.get_pipeline_executable_properties(&info) }.map_err(
                |result| Error::Vulkan { call: "vkGetPipelineExecutablePropertiesKHR", result },
            )?;
        // A compute pipeline has one executable.
        let subgroup_size = executables.first().map_or(0, |executable| executable.subgroup_size);
        let executable = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: the pipeline is alive and was created to keep its statistics.
        let statistics =
            unsafe { self.properties.get_pipeline_executable_statistics(&executable) }.map_err(
                |result| Error::Vulkan { call: "vkGetPipelineExecutableStatisticsKHR", result },
            )?;
        let statistics = statistics
            .iter()
            .filter(|one| one.format == vk::PipelineExecutableStatisticFormatKHR::UINT64)
            // SAFETY: the format says which field of the union was written.
            .map(|one| (text(&one.name), unsafe { one.value.u64 }))
            .collect();
        Ok(Compiled { subgroup_size, statistics, assembly: self.assembly(&executable)? })
    }

    /// Returns the representation with the name `Assembly`.
    ///
    /// ash has no safe wrapper, because the driver writes the texts to memory of the caller. The
    /// first call returns the number of texts, the second their lengths, and the third writes them.
    fn assembly(
        &self,
        executable: &vk::PipelineExecutableInfoKHR<'_>,
    ) -> Result<Option<String>, Error> {
        let get = self.properties.fp().get_pipeline_executable_internal_representations_khr;
        let call = "vkGetPipelineExecutableInternalRepresentationsKHR";
        let device = self.device.handle();
        let mut count = 0;
        // SAFETY: without an array the function only writes the count.
        unsafe { get(device, executable, &mut count, std::ptr::null_mut()) }
            .result()
            .map_err(|result| Error::Vulkan { call, result })?;
        let mut representations =
            vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
        // SAFETY: the array has room for `count`, and null pointers ask only for lengths.
        unsafe { get(device, executable, &mut count, representations.as_mut_ptr()) }
            .result()
            .map_err(|result| Error::Vulkan { call, result })?;
        let mut texts: Vec<Vec<u8>> = representations
            .iter()
            .map(|representation| vec![0; representation.data_size])
            .collect();
        for (representation, text) in representations.iter_mut().zip(&mut texts) {
            representation.p_data = text.as_mut_ptr().cast();
        }
        // SAFETY: each pointer points to as many bytes as the driver asked for.
        unsafe { get(device, executable, &mut count, representations.as_mut_ptr()) }
            .result()
            .map_err(|result| Error::Vulkan { call, result })?;
        let assembly = representations
            .iter()
            .zip(texts)
            .find(|(representation, _)| text(&representation.name) == "Assembly")
            .map(|(_, text)| String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned());
        Ok(assembly)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: everything that `compile` made from the device is destroyed. Only the device was
        // made from the instance.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

/// The parts of a pipeline. They are destroyed on drop, even if creating a later part failed.
struct Made<'a> {
    device: &'a ash::Device,
    module: vk::ShaderModule,
    sets: vk::DescriptorSetLayout,
    layout: vk::PipelineLayout,
    pipeline: vk::Pipeline,
}

impl<'a> Made<'a> {
    fn of(device: &'a ash::Device) -> Self {
        Self {
            device,
            module: vk::ShaderModule::null(),
            sets: vk::DescriptorSetLayout::null(),
            layout: vk::PipelineLayout::null(),
            pipeline: vk::Pipeline::null(),
        }
    }

    fn create(&mut self, words: &[u32], uniforms: &[bool]) -> Result<(), Error> {
        let module = vk::ShaderModuleCreateInfo::default().code(words);
        // SAFETY: naga validated the module, and the device has every feature that it may use.
        self.module = unsafe { self.device.create_shader_module(&module, None) }
            .map_err(|result| Error::Vulkan { call: "vkCreateShaderModule", result })?;

        let bindings: Vec<_> = (0..)
            .zip(uniforms)
            .map(|(number, &is_uniform)| {
                vk::DescriptorSetLayoutBinding::default()
                    .binding(number)
                    .descriptor_count(1)
                    .descriptor_type(if is_uniform {
                        vk::DescriptorType::UNIFORM_BUFFER
                    } else {
                        vk::DescriptorType::STORAGE_BUFFER
                    })
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
            })
            .collect();
        let sets = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        // SAFETY: everything that `sets` points to outlives the call.
        self.sets = unsafe { self.device.create_descriptor_set_layout(&sets, None) }
            .map_err(|result| Error::Vulkan { call: "vkCreateDescriptorSetLayout", result })?;

        let set_layouts = [self.sets];
        let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&set_layouts);
        // SAFETY: the set's layout is alive.
        self.layout = unsafe { self.device.create_pipeline_layout(&layout, None) }
            .map_err(|result| Error::Vulkan { call: "vkCreatePipelineLayout", result })?;

        let stage = vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(self.module)
            .name(c"main");
        let info = vk::ComputePipelineCreateInfo::default()
            .flags(
                vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                    | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
            )
            .stage(stage)
            .layout(self.layout);
        // SAFETY: module and layout are alive, and the layout has every binding of the module.
        let pipelines = unsafe {
            self.device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None)
        };
        let failed = |result| Error::Vulkan { call: "vkCreateComputePipelines", result };
        let pipelines = pipelines.map_err(|(_, result)| failed(result))?;
        self.pipeline = pipelines.first().copied().ok_or_else(|| failed(vk::Result::INCOMPLETE))?;
        Ok(())
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // SAFETY: each handle is null, which is allowed, or was made from this device and is not
        // used any more.
        unsafe {
            self.device.destroy_pipeline(self.pipeline, None);
            self.device.destroy_pipeline_layout(self.layout, None);
            self.device.destroy_descriptor_set_layout(self.sets, None);
            self.device.destroy_shader_module(self.module, None);
        }
    }
}

/// Returns a name that Vulkan keeps in an array of fixed length, up to its first zero byte.
fn text(name: &[c_char]) -> String {
    let bytes: Vec<u8> =
        name.iter().map(|&c| c.to_ne_bytes()[0]).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
