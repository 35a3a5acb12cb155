//! Fields that once had another name, or another default. What the program writes
//! and says has the name of today.

/// Fields whose old name means something else today: a file that has it gets
/// the new one. The experiments that runs keep are read with it.
const RETIRED: &[(&str, &str)] = &[("iteration", "round")];

/// Fields that are read by either name: the struct or variant, what the field was called, and what it is called.
const RENAMED: &[(&str, &str, &str)] = &[
    ("Scratch", "p", "p1"),
    ("Vanilla", "p", "p1"),
    ("Vanilla", "weight", "w"),
    ("Vanilla", "truth_weight", "w_truth"),
    // The method, and the controller of a custom one.
    ("AdaptiveAugmentation", "p_first", "p1"),
    ("AdaptiveAugmentation", "weight", "w"),
    ("MultiView", "weight", "w"),
    ("MultiView", "truth_weight", "w_truth"),
    ("MultiView", "consistency_weight", "w_consistency"),
    ("Distill", "weight", "w"),
    ("Truth", "weight", "w_truth"),
    ("Consistency", "weight", "w_consistency"),
    ("Train", "p", "p1"),
];

/// A field whose default is another than it once was.
pub struct ChangedDefault {
    /// The variant that has the field.
    pub variant: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// What it was where it was left out.
    pub older: &'static str,
    /// What it is today.
    pub today: &'static str,
}

/// Fields whose default is another than it once was.
pub const CHANGED_DEFAULTS: &[ChangedDefault] = &[ChangedDefault {
    // The method, and the controller of a custom one.
    variant: "AdaptiveAugmentation",
    field: "update",
    older: "Feedback()",
    today: "Gap()",
}];

/// Today's name of what is written as `field` in the parentheses of `owner`.
#[must_use]
pub fn current_name<'a>(owner: Option<&str>, field: &'a str) -> &'a str {
    let known = RENAMED
        .iter()
        .find(|(of, older, _)| Some(*of) == owner && *older == field);
    known.map_or(field, |(_, _, name)| name)
}

/// Today's name of a field that is no longer read by the name `field`.
#[must_use]
pub fn successor(field: &str) -> Option<&'static str> {
    let known = RETIRED.iter().find(|(older, _)| *older == field);
    known.map(|(_, name)| *name)
}
