//! Everything a person can ask for: one table of actions with their names,
//! descriptions and default keys.
//!
//! The keymap, the help, the palette and the README's list of keys are made
//! from [`ACTIONS`]; nothing else names a key.

use super::screen::Screen;

/// Where an action's keys count. A context that is further in is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere.
    Global,
    /// The list of experiments.
    Experiments,
    /// The text of an experiment.
    Editor,
    /// What differs between the text here and the one on disk.
    Difference,
    /// The range test of an experiment's learning rate.
    LrTest,
    /// The table of runs.
    Runs,
    /// Curves of several runs over one another.
    Overlay,
    /// Accuracy of runs against what they cost.
    Pareto,
    /// Charts of a run.
    Live,
    /// Knobs of a run.
    Knobs,
    /// Student and teacher side by side.
    Compare,
    /// Classifying a folder of images.
    Inference,
}

impl Context {
    /// Its name, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Experiments => "Experiments",
            Self::Editor => "Editor",
            Self::Difference => "Changed on disk",
            Self::LrTest => "Learning rate test",
            Self::Runs => "Runs",
            Self::Overlay => "Overlay",
            Self::Pareto => "Pareto",
            Self::Live => "Live",
            Self::Knobs => "Knobs",
            Self::Compare => "Compare",
            Self::Inference => "Inference",
        }
    }

    /// The contexts around it, which are asked after it.
    #[must_use]
    pub fn outer(self) -> &'static [Self] {
        match self {
            Self::Global => &[],
            Self::Editor => &[Self::Experiments, Self::Global],
            Self::Knobs => &[Self::Live, Self::Global],
            _ => &[Self::Global],
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What happens.
    pub action: Action,
    /// Where its keys count.
    pub context: Context,
    /// Name in the keymap file and the palette.
    pub name: &'static str,
    /// What it does, as an imperative.
    pub description: &'static str,
    /// The same in a word or two, for the footer.
    pub hint: &'static str,
    /// Other words for it, for those who search.
    pub synonyms: &'static str,
    /// Default keys.
    pub keys: &'static [&'static str],
}

macro_rules! actions {
    ($($context:ident { $($action:ident $name:literal $description:literal $hint:literal $synonyms:literal [$($key:literal),*];)* })*) => {
        /// Something that a person can ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $description] $action,)*)*
        }

        /// Every action, in the order of the help.
        pub const ACTIONS: &[Entry] = &[
            $($(Entry {
                action: Action::$action,
                context: Context::$context,
                name: $name,
                description: $description,
                hint: $hint,
                synonyms: $synonyms,
                keys: &[$($key),*],
            },)*)*
        ];
    };
}

actions! {
    Global {
        ShowExperiments "show-experiments" "Show experiments" "experiments" "editor files" ["1"];
        ShowRuns "show-runs" "Show runs" "runs" "table list" ["2"];
        ShowLive "show-live" "Show live charts" "live" "charts training monitor" ["3"];
        ShowCompare "show-compare" "Compare student and teacher" "compare" "disagreement confusion matrix" ["4"];
        ShowInference "show-inference" "Classify images" "inference" "predict infer folder" ["5"];
        NextScreen "next-screen" "Next screen" "next screen" "tab" ["tab"];
        PreviousScreen "previous-screen" "Previous screen" "previous screen" "tab" ["shift+tab"];
        Help "help" "Show all keys" "keys" "help shortcuts bindings" ["?", "f1"];
        Palette "palette" "Show all commands" "commands" "palette search" [":", "ctrl+p"];
        ToggleLog "toggle-log" "Show or hide the log" "log" "messages" ["`", "f12"];
        NextTheme "next-theme" "Next theme" "theme" "colors colours dark light" ["f9"];
        ResetLayout "reset-layout" "Reset the layout" "reset layout" "panes borders" ["f10", "alt+0"];
        Quit "quit" "Quit" "quit" "exit close kill abort" ["q", "ctrl+c", "ctrl+q"];
        Suspend "suspend" "Suspend to the shell" "suspend" "background fg job" ["ctrl+z"];
        Up "up" "Move up" "up" "" ["up", "k"];
        Down "down" "Move down" "down" "" ["down", "j"];
        Left "left" "Move left" "left" "" ["left", "h"];
        Right "right" "Move right" "right" "" ["right", "l"];
        PageUp "page-up" "Move a page up" "page up" "scroll" ["pageup", "ctrl+b"];
        PageDown "page-down" "Move a page down" "page down" "scroll" ["pagedown", "ctrl+f"];
        First "first" "Go to the start" "to start" "top home" ["home", "g"];
        Last "last" "Go to the end" "to end" "bottom" ["end", "G"];
        Activate "activate" "Open or accept" "open" "enter confirm" ["enter"];
        Back "back" "Close or cancel" "back" "escape" ["esc"];
        Filter "filter" "Filter the list" "filter" "search find" ["/"];
        Copy "copy" "Copy the selection" "copy" "yank clipboard" ["y"];
    }
    Experiments {
        Launch "launch" "Train the experiment" "train" "run start launch" ["r", "f5"];
        NewExperiment "new-experiment" "New experiment" "new" "create template" ["n"];
        DuplicateExperiment "duplicate-experiment" "Duplicate the experiment" "duplicate" "copy clone" ["d"];
        RenameExperiment "rename-experiment" "Rename the experiment file" "rename" "move" ["m"];
        TrashExperiment "trash-experiment" "Move the experiment to trash" "trash" "delete remove" ["delete", "X"];
        RestoreExperiment "restore-experiment" "Restore the last trashed experiment" "restore" "undelete" ["u"];
        Dequeue "dequeue" "Remove from the queue" "dequeue" "cancel abort unqueue" ["x"];
        TogglePlan "plan" "Show or hide the plan" "plan" "preview" ["p", "f6", "alt+p"];
        PlanDown "plan-down" "Scroll the plan down" "plan ↓" "preview" ["J", "alt+j"];
        PlanUp "plan-up" "Scroll the plan up" "plan ↑" "preview" ["K", "alt+k"];
        FindLr "find-lr" "Test a range of learning rates" "find lr" "learning rate finder range test proposal" ["f", "alt+l"];
        ShowDifference "show-difference" "Show changes on disk" "diff" "conflict" ["f4", "alt+x"];
    }
    Editor {
        SaveText "save-text" "Save the experiment" "save" "write" ["ctrl+s"];
        LaunchText "launch-text" "Save and train" "train" "run start launch" ["f5", "alt+r"];
        UndoText "undo-text" "Undo the last edit" "undo" "" ["ctrl+u", "alt+u"];
        RedoText "redo-text" "Redo the last edit" "redo" "" ["ctrl+y"];
        FormatText "format-text" "Format the file" "format" "indent" ["alt+f"];
        FindText "find-text" "Find in the file" "find" "search" ["ctrl+f"];
        FindNext "find-next" "Find next" "find next" "search" ["f3", "alt+s"];
        FindPrevious "find-previous" "Find previous" "find previous" "search" ["shift+f3", "alt+S"];
        NextProblem "next-problem" "Go to the next error" "next error" "problem diagnostic" ["f8", "alt+n"];
        ShowProblems "show-problems" "List all errors" "errors" "problems diagnostics" ["f7", "alt+m"];
        Complete "complete" "Complete at the cursor" "complete" "suggest autocomplete" ["ctrl+space", "alt+c"];
        LeaveEditor "leave-editor" "Close the editor" "back" "list" ["esc"];
    }
    Difference {
        KeepMine "keep-mine" "Keep my text" "keep mine" "conflict" ["f2", "alt+k"];
        TakeTheirs "take-theirs" "Take the text on disk" "take theirs" "conflict reload" ["f3", "alt+t"];
        SaveMine "save-mine" "Overwrite the file on disk" "save mine" "conflict" [];
        RestoreText "restore-text" "Restore the unsaved text" "restore" "autosave recover" [];
        DiscardText "discard-text" "Discard the unsaved text" "discard" "autosave" [];
    }
    LrTest {
        WriteLr "write-lr" "Write the proposed learning rate" "write" "save apply accept edit" ["w"];
        StopLrTest "stop-lr-test" "Stop the range test" "stop" "end cancel abort kill" ["x"];
        RepeatLrTest "repeat-lr-test" "Repeat the range test" "repeat" "again restart run" ["f"];
    }
    Runs {
        MarkRun "mark-run" "Mark the run" "mark" "select" ["space"];
        SortRuns "sort-runs" "Sort by the next column" "sort" "order" ["s"];
        ReverseRuns "reverse-runs" "Reverse the order" "reverse" "sort descending" ["S"];
        ChooseColumns "choose-columns" "Choose columns" "columns" "hyperparameters fields lr batch" ["c"];
        PinBaseline "pin-baseline" "Set as baseline" "baseline" "pin reference" ["b"];
        UnmarkRuns "unmark-runs" "Clear all marks" "unmark" "deselect" ["M"];
        OverlayRuns "overlay-runs" "Overlay the marked runs" "overlay" "curves plot" ["o"];
        RunDetails "run-details" "Show or hide run details" "details" "info" ["i"];
        ParetoRuns "pareto-runs" "Show accuracy against cost" "pareto" "front latency size macs speed scatter" ["p"];
        DiffRuns "diff-runs" "Diff the marked runs" "diff" "compare config" ["d"];
        TagRun "tag-run" "Edit the tags" "tags" "label" ["t"];
        NoteRun "note-run" "Edit the note" "note" "comment" ["n"];
        RenameRun "rename-run" "Rename the run" "rename" "move" ["m"];
        TrashRun "trash-run" "Move the run to trash" "trash" "delete remove" ["delete", "X"];
        ShowTrash "show-trash" "Show or hide the trash" "show trash" "deleted bin" ["T"];
        RestoreRun "restore-run" "Restore the run" "restore" "undelete trash" ["u"];
        ResumeRun "resume-run" "Resume the run" "resume" "continue" ["r"];
        BranchRun "branch-run" "Branch an experiment from the run" "branch" "fine-tune weights" ["B"];
        ForkRun "fork-run" "Fork from a kept checkpoint" "fork" "return go back rewind knob" ["F"];
        ExportModel "export-model" "Export the student as ONNX" "export onnx" "export deploy device model file" ["E"];
        ExportRun "export-run" "Export the run as CSV" "export csv" "csv save" ["e"];
        SubmitStudy "submit-study" "Submit the study to Slurm" "submit" "cluster retry requeue missing failed sbatch" ["R"];
        CancelStudy "cancel-study" "Cancel the study's Slurm tasks" "cancel" "cluster stop abort kill scancel" ["x"];
    }
    Overlay {
        ScaleCurves "log-curves" "Toggle logarithmic scale" "log scale" "logarithm axis" ["y"];
        AxisCurves "axis-curves" "Next x axis" "x axis" "step epoch time" ["a"];
        MoreSmoothingCurves "more-smoothing-curves" "Increase smoothing" "smooth" "" ["s"];
        LessSmoothingCurves "less-smoothing-curves" "Decrease smoothing" "smooth less" "" ["S"];
        ZoomInCurves "zoom-in-curves" "Zoom in" "zoom in" "" ["+", "="];
        ZoomOutCurves "zoom-out-curves" "Zoom out" "zoom out" "" ["-"];
        CrosshairLeft "crosshair-left" "Move the crosshair left" "crosshair ←" "cursor" [","];
        CrosshairRight "crosshair-right" "Move the crosshair right" "crosshair →" "cursor" ["."];
        MaximizeCurves "maximize-curves" "Toggle a single chart" "maximize" "maximize alone" ["enter"];
        ResetCurves "reset-curves" "Reset the view" "reset" "zoom" ["0"];
    }
    Pareto {
        CostPareto "cost-pareto" "Next cost: latency, size, MACs" "x axis" "latency size macs processor" ["a"];
        SplitPareto "split-pareto" "Switch validation and test accuracy" "valid/test" "split y axis" ["v"];
    }
    Live {
        PauseRun "pause-run" "Pause or resume training" "pause" "continue" ["space", "p"];
        StopRun "stop-run" "Save and stop training" "stop" "end quit kill abort cancel exit interrupt" ["x"];
        EvaluateNow "evaluate-now" "Evaluate now" "evaluate" "validate" ["e"];
        CheckpointNow "checkpoint-now" "Save a checkpoint now" "checkpoint" "save" ["c"];
        AddEpochs "add-epochs" "Add epochs" "add epochs" "extend longer train more" ["E"];
        ForkShownRun "fork-shown-run" "Fork from a kept checkpoint" "fork" "return go back rewind knob undo" ["F"];
        NextRun "next-run" "Next run" "next run" "" ["]"];
        PreviousRun "previous-run" "Previous run" "previous run" "" ["["];
        SwitchPhase "switch-phase" "Switch between teacher and student" "switch phase" "training" ["t"];
        LogScale "log-scale" "Toggle logarithmic scale" "log scale" "logarithm axis" ["y"];
        MoreSmoothing "more-smoothing" "Increase smoothing" "smooth" "" ["s"];
        LessSmoothing "less-smoothing" "Decrease smoothing" "smooth less" "" ["S"];
        NextAxis "next-axis" "Next x axis" "x axis" "step epoch time" ["a"];
        ZoomIn "zoom-in" "Zoom in" "zoom in" "" ["+", "="];
        ZoomOut "zoom-out" "Zoom out" "zoom out" "" ["-"];
        ResetCharts "reset-charts" "Reset the charts" "reset" "zoom follow" ["0"];
        NextChart "next-chart" "Next chart" "next chart" "" ["n"];
        PreviousChart "previous-chart" "Previous chart" "previous chart" "" ["N"];
        GridSize "grid-size" "Next grid size" "grid size" "charts layout" ["g"];
        MoreColumns "more-columns" "Add a chart column" "add column" "grid" [">"];
        FewerColumns "fewer-columns" "Remove a chart column" "remove column" "grid" ["<"];
        MoreRows "more-rows" "Add a chart row" "add row" "grid" ["}"];
        FewerRows "fewer-rows" "Remove a chart row" "remove row" "grid" ["{"];
        Maximize "maximize" "Toggle a single chart" "maximize" "maximize alone" ["enter"];
        FocusKnobs "knobs" "Go to the knobs" "knobs" "learning rate schedule" ["K"];
        FocusEvents "events" "Go to the events" "events" "log history" ["v"];
        FollowEvents "follow-events" "Follow the newest events" "follow" "tail latest" ["f"];
        NextAlert "next-alert" "Go to the next alert" "next alert" "warning" ["w"];
    }
    Knobs {
        NextKnob "next-knob" "Next knob" "next knob" "" ["n"];
        PreviousKnob "previous-knob" "Previous knob" "previous knob" "" ["N"];
        RaiseKnob "raise-knob" "Raise the value" "raise" "increase" ["up", "k", "+"];
        LowerKnob "lower-knob" "Lower the value" "lower" "decrease" ["down", "j", "-"];
        EarlierPoint "earlier-point" "Previous point" "previous point" "" ["left", "h"];
        LaterPoint "later-point" "Next point" "next point" "" ["right", "l"];
        SetKnob "set-knob" "Type a value" "set" "enter" ["v"];
        InsertPoint "insert-point" "Insert a point" "insert" "add" ["i"];
        RemovePoint "remove-point" "Remove the point" "remove" "delete" ["delete", "backspace"];
        KnobShape "reshape-knob" "Next schedule shape" "next shape" "linear cosine constant" ["s"];
        ToggleController "toggle-controller" "Toggle the controller" "controller" "automatic manual" ["a"];
        UndoKnob "undo-knob" "Undo the pending change" "undo" "discard" ["u"];
        SendKnob "send-knob" "Send the change" "send" "apply" ["enter"];
        WriteKnob "write-knob" "Write to the experiment file" "write" "save" ["w"];
        LeaveKnobs "leave-knobs" "Go back to the charts" "charts" "" ["esc", "K"];
    }
    Compare {
        NextProbeRun "next-probe-run" "Next run" "next run" "" ["]"];
        PreviousProbeRun "previous-probe-run" "Previous run" "previous run" "" ["["];
        NextView "view-next" "Next view" "view" "images matrix classes" ["v"];
        PreviousView "view-previous" "Previous view" "previous view" "images matrix classes" ["V"];
        EarlierCheckpoint "earlier-checkpoint" "Previous evaluation" "previous eval" "time scrub" [","];
        LaterCheckpoint "later-checkpoint" "Next evaluation" "next eval" "time scrub" ["."];
        RaiseTemperature "raise-temperature" "Raise the temperature" "raise T" "soften" ["+", "="];
        LowerTemperature "lower-temperature" "Lower the temperature" "lower T" "sharpen" ["-"];
        ResetTemperature "reset-temperature" "Reset the temperature to 1" "reset T" "" ["0"];
        SortImages "sort-images" "Next sort order" "sort" "order" ["s"];
        ReverseImages "reverse-images" "Reverse the order" "reverse" "sort" ["S"];
        FilterImages "filter-images" "Filter by outcome" "by outcome" "disagreement wrong" ["f"];
        OnlyClass "class-images" "Show only the selected class" "by class" "filter" ["c"];
        SecondRun "second-run" "Add a second run" "add run" "compare" ["a"];
        RemoveSecondRun "remove-second-run" "Remove the second run" "remove run" "" ["A"];
        CompareFolder "open-folder" "Compare on a folder of images" "open folder" "open" ["o"];
        OwnProbe "own-probe" "Show the run's own images" "own images" "probe" ["O"];
        WholeSet "whole-set" "Toggle the full validation set" "full set" "matrix" ["w"];
        ReadProbeAgain "read-probe-again" "Reload the predictions" "reload" "refresh answers" ["r"];
    }
    Inference {
        ChooseFolder "choose-folder" "Choose a folder" "choose folder" "open" ["o"];
        NextInferenceRun "next-inference-run" "Next run" "next run" "" ["]"];
        PreviousInferenceRun "previous-inference-run" "Previous run" "previous run" "" ["["];
        AnsweringModel "models" "Choose student, teacher or both" "models" "" ["m"];
        AnsweringWeights "weights" "Choose best or latest weights" "weights" "" ["w"];
        StartInference "run-inference" "Classify the folder" "classify" "run predict start" ["r", "f5"];
        CancelInference "cancel-inference" "Cancel the classification" "cancel" "stop abort kill" ["x"];
        SortResults "sort-results" "Next sort order" "sort" "order" ["s"];
        ReverseResults "reverse-results" "Reverse the order" "reverse" "sort" ["S"];
        ShowScores "scores" "Show or hide accuracy by class" "by class" "confusion matrix recall precision metrics" ["v"];
        ShowUnreadable "unreadable-files" "Show or hide unreadable files" "unreadable" "errors" ["u"];
        ExportResults "export-results" "Export as CSV" "export csv" "csv save" ["e"];
        ExportResultLines "export-result-lines" "Export as JSON lines" "export jsonl" "jsonl save" ["E"];
    }
}

/// Names that actions had: keymaps that were written with them are still read.
const FORMER_NAMES: [(&str, Action); 2] = [
    ("smooth-curves", Action::MoreSmoothingCurves),
    ("roughen-curves", Action::LessSmoothingCurves),
];

impl Action {
    /// Its row of the table.
    ///
    /// # Panics
    /// Never: the table is made together with the actions.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        ACTIONS
            .iter()
            .find(|entry| entry.action == self)
            .expect("every action is in the table that declares it")
    }

    /// The action of this name, or of one that it had.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = ACTIONS.iter().find(|entry| entry.name == name);
        let former = FORMER_NAMES.iter().find(|(former, _)| *former == name);
        let found = found.map(|entry| entry.action);
        found.or(former.map(|(_, action)| *action))
    }

    /// The screen that it shows, if it is there to show one.
    #[must_use]
    pub fn screen(self) -> Option<Screen> {
        match self {
            Self::ShowExperiments => Some(Screen::Experiments),
            Self::ShowRuns => Some(Screen::Runs),
            Self::ShowLive => Some(Screen::Live),
            Self::ShowCompare => Some(Screen::Compare),
            Self::ShowInference => Some(Screen::Inference),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What hints of one word may be that are no verbs: what is shown or chosen.
    const SHOWN: &str = "experiments runs live compare inference keys commands log theme plan diff \
                         errors columns baseline overlay details pareto tags note valid/test knobs \
                         events controller charts view models weights unreadable up down left right";

    /// Verbs, and what the first word may be where a noun follows.
    const VERBS: &str = "quit suspend open filter copy train new duplicate rename trash restore \
                         dequeue save undo redo format find complete back mark sort reverse unmark \
                         resume branch fork maximize reset pause stop evaluate checkpoint follow \
                         raise lower set insert remove send write reload classify cancel discard \
                         smooth submit repeat";
    const BEGINNINGS: &str = "next previous page to plan keep take save reset find smooth zoom \
                              crosshair log x export show switch grid add remove raise lower filter \
                              open choose own full by";

    #[test]
    fn a_hint_beside_its_key_says_what_the_key_does() {
        for entry in ACTIONS {
            let words: Vec<&str> = entry.hint.split(' ').collect();
            let is_in = |list: &str| list.split(' ').any(|word| word == words[0]);
            let is_clear = match words.len() {
                1 => is_in(VERBS) || is_in(SHOWN),
                _ => is_in(BEGINNINGS),
            };
            assert!(is_clear, "{}: {}", entry.name, entry.hint);
        }
    }

    #[test]
    fn no_two_hints_of_a_context_are_alike() {
        let hints = ACTIONS.iter().map(|entry| (entry.context, entry.hint));
        let distinct: BTreeSet<_> = hints.clone().collect();
        for hint in &distinct {
            let number = hints.clone().filter(|other| other == hint).count();
            assert_eq!(number, 1, "{hint:?}");
        }
    }

    #[test]
    fn names_are_distinct_and_written_alike() {
        let names: BTreeSet<&str> = ACTIONS.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        for entry in ACTIONS {
            assert_eq!(Action::named(entry.name), Some(entry.action));
            assert!(
                entry
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                entry.name
            );
            let words = entry.description.split(' ').count();
            assert!((1..=6).contains(&words), "{}", entry.name);
            let words = entry.hint.split(' ').count();
            assert!((1..=2).contains(&words), "{}", entry.name);
        }
    }
}
