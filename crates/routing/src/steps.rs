//! Names of the durable steps. They and their order are what an upgrade must keep.

/// The one transaction of `AssignFrontlineRoutes`.
pub(crate) const ASSIGN: &str = "assign";
/// The one transaction of `SwapLiveDeployment`.
pub(crate) const SWAP: &str = "swap";
/// The one transaction of `UpsertRoutes`.
pub(crate) const UPSERT: &str = "upsert";
/// The one transaction of `FinishDeployment`.
pub(crate) const FINISH: &str = "finish";
/// The one transaction of `WithdrawRoutes`.
pub(crate) const WITHDRAW: &str = "withdraw";
