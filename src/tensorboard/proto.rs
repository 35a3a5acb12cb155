//! The messages of an event file that are written here, after `event.proto`,
//! `summary.proto`, `tensor.proto` and the HPARAMS plugin's of TensorBoard 2.21. Fields
//! that nothing here writes are left out.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

/// An entry of a file.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// When it happened, seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// At which step.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What happened.
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub what: Option<What>,
}

/// What an entry holds.
#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    /// The version of the format; the first entry of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// What a process that writes does.
    #[prost(message, tag = "7")]
    Session(SessionLog),
}

/// What a process that writes does.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// [`SESSION_STARTS`].
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// It begins: who reads forgets what was read from its step on.
pub const SESSION_STARTS: i32 = 1;

/// Values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// A named value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// How it is shown.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<SummaryMetadata>,
    /// What it is; nothing where the metadata hold all of it.
    #[prost(oneof = "Data", tags = "2, 4, 8")]
    pub data: Option<Data>,
}

/// What a value is.
#[derive(Clone, PartialEq, Oneof)]
pub enum Data {
    /// A number.
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    /// A picture.
    #[prost(message, tag = "4")]
    Image(Image),
    /// A tensor.
    #[prost(message, tag = "8")]
    Tensor(TensorProto),
}

/// A picture.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// Rows.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Pixels in a row.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// Channels: 3 for RGB.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded_image_string: Vec<u8>,
}

/// How a value is shown.
#[derive(Clone, PartialEq, Message)]
pub struct SummaryMetadata {
    /// What shows it.
    #[prost(message, optional, tag = "1")]
    pub plugin_data: Option<PluginData>,
    /// Markdown, for people.
    #[prost(string, tag = "3")]
    pub summary_description: String,
}

/// What shows a value, and with which data of its own.
#[derive(Clone, PartialEq, Message)]
pub struct PluginData {
    /// Name of the plugin.
    #[prost(string, tag = "1")]
    pub plugin_name: String,
    /// Its data.
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
}

/// A scalar tensor of texts.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Type of its elements: [`DT_STRING`].
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    /// Its sides, of which there are none.
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<TensorShapeProto>,
    /// The texts.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub string_val: Vec<Vec<u8>>,
}

/// [`TensorProto::dtype`] of texts.
pub const DT_STRING: i32 = 7;

/// Sides of a tensor: none of a scalar.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {}

/// What the HPARAMS plugin keeps with a value.
#[derive(Clone, PartialEq, Message)]
pub struct HParamsPluginData {
    /// Version of the format, 0.
    #[prost(int32, tag = "1")]
    pub version: i32,
    /// What it is.
    #[prost(oneof = "HParams", tags = "3, 4")]
    pub data: Option<HParams>,
}

/// What the HPARAMS plugin knows of a session.
#[derive(Clone, PartialEq, Oneof)]
pub enum HParams {
    /// How it started.
    #[prost(message, tag = "3")]
    SessionStartInfo(SessionStartInfo),
    /// How it ended.
    #[prost(message, tag = "4")]
    SessionEndInfo(SessionEndInfo),
}

/// How a session started.
#[derive(Clone, PartialEq, Message)]
pub struct SessionStartInfo {
    /// Hyperparameters by name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub hparams: BTreeMap<String, HParam>,
    /// Name of the row that it stands in.
    #[prost(string, tag = "4")]
    pub group_name: String,
    /// When, seconds since 1970.
    #[prost(double, tag = "5")]
    pub start_time_secs: f64,
}

/// How a session ended.
#[derive(Clone, PartialEq, Message)]
pub struct SessionEndInfo {
    /// [`session_status`].
    #[prost(int32, tag = "1")]
    pub status: i32,
    /// When, seconds since 1970.
    #[prost(double, tag = "2")]
    pub end_time_secs: f64,
}

/// How a session can have ended.
pub mod session_status {
    /// It is not known, or it can continue.
    pub const UNKNOWN: i32 = 0;
    /// It has all that it was to have.
    pub const SUCCESS: i32 = 1;
    /// It could not continue.
    pub const FAILURE: i32 = 2;
    /// It has not ended.
    pub const RUNNING: i32 = 3;
}

/// Value of a hyperparameter: `google.protobuf.Value`.
#[derive(Clone, PartialEq, Message)]
pub struct HParam {
    /// What it is.
    #[prost(oneof = "HParamValue", tags = "2, 3, 4")]
    pub kind: Option<HParamValue>,
}

/// What a hyperparameter is.
#[derive(Clone, PartialEq, Oneof)]
pub enum HParamValue {
    /// A number.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A text.
    #[prost(string, tag = "3")]
    Text(String),
    /// A truth value.
    #[prost(bool, tag = "4")]
    Bool(bool),
}
