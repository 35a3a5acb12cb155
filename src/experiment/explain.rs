//! tmp
/// tmp
#[must_use]
pub fn explain(_plan: &super::plan::Plan) -> String {
    String::new()
}
