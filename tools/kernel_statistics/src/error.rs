//! Errors of this tool, with advice.

/// The reason that there are no statistics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// AMD's driver is not among the files of the Vulkan loader.
    #[error(
        "found no RADV, AMD's driver in Mesa: install it (Debian, Ubuntu: apt-get install \
         mesa-vulkan-drivers), or name its file with --driver (radeon_icd.*.json)"
    )]
    NoDriver,
    /// The Vulkan loader is missing.
    #[error("cannot load Vulkan (Debian, Ubuntu: apt-get install libvulkan1): {0}")]
    NoLoader(#[from] ash::LoadingError),
    /// The driver lists no device of the family.
    #[error(
        "{driver} pretends to be no {family}: families are named as in RADV_FORCE_FAMILY of \
         Mesa, such as gfx1100, navi21 or vega10"
    )]
    NoDevice {
        /// The driver's file.
        driver: String,
        /// The family asked for.
        family: String,
    },
    /// A Vulkan call failed.
    #[error("{call} failed: {result}")]
    Vulkan {
        /// The function.
        call: &'static str,
        /// The returned code.
        result: ash::vk::Result,
    },
    /// naga rejects a kernel, or a constant is missing.
    #[error("naga cannot compile {kernel}: {reason}")]
    Naga {
        /// The kernel's name.
        kernel: String,
        /// naga's message.
        reason: String,
    },
    /// The driver does not report a value that is needed.
    #[error("the driver reports no {what} of {kernel}")]
    NotReported {
        /// The missing value.
        what: &'static str,
        /// The kernel's name.
        kernel: String,
    },
    /// The process of a family failed.
    #[error("no statistics for {family} (families are such as gfx1100, navi21, vega10): {reason}")]
    Child {
        /// The family.
        family: String,
        /// Its error message, or its exit status.
        reason: String,
    },
    /// Standard output is closed.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
    /// Statistics cannot be written or read as JSON.
    #[error("statistics are not JSON: {0}")]
    Json(#[from] serde_json::Error),
}
