//! Everything a person can ask for: one table of actions with their names,
//! descriptions and default keys.
//!
//! The keymap, the help, the palette and the README's list of keys are made
//! from [`ACTIONS`]; nothing else names a key.

use super::screens::Screen;

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
    /// The table of runs.
    Runs,
    /// Curves of several runs over one another.
    Overlay,
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
            Self::Runs => "Runs",
            Self::Overlay => "Overlay",
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
    /// What it does, for people.
    pub description: &'static str,
    /// Default keys.
    pub keys: &'static [&'static str],
}

macro_rules! actions {
    ($($context:ident { $($action:ident $name:literal $description:literal [$($key:literal),*];)* })*) => {
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
                keys: &[$($key),*],
            },)*)*
        ];
    };
}

actions! {
    Global {
        ShowExperiments "show-experiments" "Shows the experiments and their editor." ["1"];
        ShowRuns "show-runs" "Shows the table of runs." ["2"];
        ShowLive "show-live" "Shows a run's charts and knobs." ["3"];
        ShowCompare "show-compare" "Shows student and teacher on the same images." ["4"];
        ShowInference "show-inference" "Classifies a folder of images." ["5"];
        NextScreen "next-screen" "Goes to the next screen." ["tab"];
        PreviousScreen "previous-screen" "Goes to the previous screen." ["backtab"];
        Help "help" "Shows every key." ["?", "f1"];
        Palette "palette" "Finds an action by its name." [":", "ctrl+p"];
        ToggleLog "toggle-log" "Shows or hides the log." ["`", "f12"];
        NextTheme "next-theme" "Changes the colours." ["f9"];
        ResetLayout "reset-layout" "Lays every screen out as it was at first." ["f10", "alt+0"];
        Quit "quit" "Ends the workbench; a training that runs here is saved." ["q", "ctrl+c", "ctrl+q"];
        Suspend "suspend" "Puts the workbench into the background; `fg` brings it back." ["ctrl+z"];
        Up "up" "Moves up." ["up", "k"];
        Down "down" "Moves down." ["down", "j"];
        Left "left" "Moves left." ["left", "h"];
        Right "right" "Moves right." ["right", "l"];
        PageUp "page-up" "Moves up a page." ["pageup", "ctrl+b"];
        PageDown "page-down" "Moves down a page." ["pagedown", "ctrl+f"];
        First "first" "Moves to the beginning." ["home", "g"];
        Last "last" "Moves to the end." ["end", "G"];
        Activate "activate" "Opens or does what is selected." ["enter"];
        Back "back" "Leaves what is open." ["esc"];
        Filter "filter" "Filters what is shown." ["/"];
        Copy "copy" "Copies what is selected." ["y"];
    }
    Experiments {
        Launch "launch" "Trains the selected experiment." ["r", "f5"];
        NewExperiment "new-experiment" "Writes a new experiment from a template." ["n"];
        DuplicateExperiment "duplicate-experiment" "Copies the selected experiment." ["d"];
        RenameExperiment "rename-experiment" "Renames the selected experiment's file." ["m"];
        TrashExperiment "trash-experiment" "Moves the selected experiment's file to the trash." ["delete", "X"];
        RestoreExperiment "restore-experiment" "Brings back the experiment's file that went to the trash last." ["u"];
        Dequeue "dequeue" "Takes the selected experiment out of those that wait." ["x"];
        TogglePlan "plan" "Shows or hides what the experiment will do." ["p", "f6", "alt+p"];
        ShowDifference "show-difference" "Shows what somebody else changed in the file, to choose whose text stays." ["f4", "alt+x"];
    }
    Editor {
        SaveText "save-text" "Saves the experiment." ["ctrl+s"];
        LaunchText "launch-text" "Saves the experiment and trains it." ["f5", "alt+r"];
        UndoText "undo-text" "Takes back the last change of the text." ["ctrl+u", "alt+u"];
        RedoText "redo-text" "Makes the change again that was taken back." ["ctrl+y"];
        FormatText "format-text" "Lays the text out anew; comments stay." ["alt+f"];
        FindText "find-text" "Searches the text." ["ctrl+f"];
        FindNext "find-next" "Goes to the next place of what is searched." ["f3", "alt+s"];
        FindPrevious "find-previous" "Goes to the previous place of what is searched." ["shift+f3", "alt+S"];
        NextProblem "next-problem" "Goes to the next mistake." ["f8", "alt+n"];
        ShowProblems "show-problems" "Goes to the list of mistakes." ["f7", "alt+m"];
        Complete "complete" "Shows what can stand at the cursor." ["ctrl+space", "alt+c"];
        LeaveEditor "leave-editor" "Goes back to the list of experiments." ["esc"];
    }
    Difference {
        KeepMine "keep-mine" "Keeps the text as it is here; saving it replaces what somebody else wrote." ["f2", "alt+k"];
        TakeTheirs "take-theirs" "Takes over what somebody else wrote into the open file." ["f3", "alt+t"];
        SaveMine "save-mine" "Saves the text as it is here over what somebody else wrote." [];
    }
    Runs {
        MarkRun "mark-run" "Marks the selected run, to compare it." ["space"];
        SortRuns "sort-runs" "Sorts by the next column." ["s"];
        ReverseRuns "reverse-runs" "Sorts the other way round." ["S"];
        PinBaseline "pin-baseline" "Makes the selected run the one that others are measured against." ["b"];
        UnmarkRuns "unmark-runs" "Takes every mark away." ["M"];
        OverlayRuns "overlay-runs" "Draws the marked runs' curves over one another." ["o"];
        RunDetails "run-details" "Shows or hides everything about the selected run." ["i"];
        DiffRuns "diff-runs" "Shows what differs between the marked runs' experiments." ["d"];
        TagRun "tag-run" "Changes the selected run's tags." ["t"];
        NoteRun "note-run" "Changes the selected run's note." ["n"];
        RenameRun "rename-run" "Renames the selected run." ["m"];
        TrashRun "trash-run" "Moves the selected run to the trash." ["delete", "x"];
        ShowTrash "show-trash" "Shows the trash; again, the runs." ["T"];
        RestoreRun "restore-run" "Takes the selected run out of the trash." ["u"];
        ResumeRun "resume-run" "Goes on with the selected run." ["r"];
        BranchRun "branch-run" "Writes a new experiment that starts from the selected run's best weights." ["B"];
        ExportRun "export-run" "Writes the selected run's numbers as CSV." ["e"];
    }
    Overlay {
        ScaleCurves "log-curves" "Draws the selected quantity with a logarithmic axis, or a linear one." ["y"];
        AxisCurves "axis-curves" "Draws the runs over steps, epochs or time." ["a"];
        SmoothCurves "smooth-curves" "Smooths the runs' curves more." ["s"];
        RoughenCurves "roughen-curves" "Smooths the runs' curves less." ["S"];
        ZoomInCurves "zoom-in-curves" "Zooms in at the crosshair." ["+", "="];
        ZoomOutCurves "zoom-out-curves" "Zooms out." ["-"];
        CrosshairLeft "crosshair-left" "Moves the crosshair to the left." [","];
        CrosshairRight "crosshair-right" "Moves the crosshair to the right." ["."];
        MaximizeCurves "maximize-curves" "Draws the selected quantity alone, or several." ["enter"];
        ResetCurves "reset-curves" "Shows all of the curves again, as they were at first." ["0"];
    }
    Live {
        PauseRun "pause-run" "Pauses the training, or goes on with it." ["space", "p"];
        StopRun "stop-run" "Saves and stops the training." ["x"];
        EvaluateNow "evaluate-now" "Evaluates on the validation images." ["e"];
        CheckpointNow "checkpoint-now" "Saves a checkpoint." ["c"];
        NextRun "next-run" "Shows the next run." ["]"];
        PreviousRun "previous-run" "Shows the previous run." ["["];
        SwitchPhase "switch-phase" "Shows the teacher's training or the student's." ["t"];
        LogScale "log-scale" "Draws the selected chart with a logarithmic axis, or a linear one." ["y"];
        MoreSmoothing "more-smoothing" "Smooths the curves more." ["s"];
        LessSmoothing "less-smoothing" "Smooths the curves less." ["S"];
        NextAxis "next-axis" "Draws over steps, epochs or time." ["a"];
        ZoomIn "zoom-in" "Zooms in at the crosshair." ["+", "="];
        ZoomOut "zoom-out" "Zooms out." ["-"];
        ResetCharts "reset-charts" "Shows everything again, as it was laid out at first." ["0"];
        NextChart "next-chart" "Selects the next chart." ["n"];
        PreviousChart "previous-chart" "Selects the previous chart." ["N"];
        GridSize "grid-size" "Draws more charts on a page, or fewer." ["g"];
        MoreColumns "more-columns" "Draws one more column of charts." [">"];
        FewerColumns "fewer-columns" "Draws one column of charts fewer." ["<"];
        MoreRows "more-rows" "Draws one more row of charts." ["}"];
        FewerRows "fewer-rows" "Draws one row of charts fewer." ["{"];
        Maximize "maximize" "Draws the selected chart alone, or with the others." ["enter"];
        FocusKnobs "knobs" "Goes to the knobs." ["K"];
        FocusEvents "events" "Goes to the events, to read and to jump; again, back to the charts." ["v"];
        NextAlert "next-alert" "Jumps to the next alert." ["w"];
    }
    Knobs {
        NextKnob "next-knob" "Selects the next knob." ["n"];
        PreviousKnob "previous-knob" "Selects the previous knob." ["N"];
        RaiseKnob "raise-knob" "Raises the knob from now on, or the selected point." ["up", "k", "+"];
        LowerKnob "lower-knob" "Lowers the knob from now on, or the selected point." ["down", "j", "-"];
        EarlierPoint "earlier-point" "Selects the point before." ["left", "h"];
        LaterPoint "later-point" "Selects the point after." ["right", "l"];
        SetKnob "set-knob" "Asks for the knob's value." ["v"];
        InsertPoint "insert-point" "Puts a point into the middle of the selected stretch." ["i"];
        RemovePoint "remove-point" "Removes the selected point." ["delete", "backspace"];
        KnobShape "reshape-knob" "Gives the knob's future another shape." ["s"];
        ToggleController "toggle-controller" "Takes the knobs from the controller, or gives them back to it." ["a"];
        UndoKnob "undo-knob" "Takes back the last change that was not sent." ["u"];
        SendKnob "send-knob" "Sends the change to the training." ["enter"];
        WriteKnob "write-knob" "Writes the knob's schedule into the experiment file." ["w"];
        LeaveKnobs "leave-knobs" "Goes back to the charts." ["esc", "K"];
    }
    Compare {
        NextProbeRun "next-probe-run" "Compares the models of the next run." ["]"];
        PreviousProbeRun "previous-probe-run" "Compares the models of the previous run." ["["];
        NextView "view-next" "Shows the next of images, matrices and classes." ["v"];
        PreviousView "view-previous" "Shows the previous of images, matrices and classes." ["V"];
        EarlierCheckpoint "earlier-checkpoint" "Goes back to what the student answered before." [","];
        LaterCheckpoint "later-checkpoint" "Goes on to what the student answered next." ["."];
        RaiseTemperature "raise-temperature" "Makes every answer softer." ["+", "="];
        LowerTemperature "lower-temperature" "Makes every answer sharper." ["-"];
        ResetTemperature "reset-temperature" "Shows answers at temperature 1." ["0"];
        SortImages "sort-images" "Sorts by the next measure or column." ["s"];
        ReverseImages "reverse-images" "Sorts the other way round." ["S"];
        FilterImages "filter-images" "Shows all images, or those where one of the models is right or wrong." ["f"];
        OnlyClass "class-images" "Shows the images of the selected class alone, or of all." ["c"];
        SecondRun "second-run" "Puts the student of another run beside this one; again, of the next run." ["a"];
        RemoveSecondRun "remove-second-run" "Takes the second run's student away." ["A"];
        CompareFolder "open-folder" "Lets the run's models answer on a folder of images." ["o"];
        OwnProbe "own-probe" "Goes back from a folder to the run's own images." ["O"];
        WholeSet "whole-set" "Counts all validation images in a matrix, or those that are shown here." ["w"];
        ReadProbeAgain "read-probe-again" "Reads the run's answers again." ["r"];
    }
    Inference {
        ChooseFolder "choose-folder" "Chooses the folder of images." ["o"];
        NextInferenceRun "next-inference-run" "Takes the models of the next run." ["]"];
        PreviousInferenceRun "previous-inference-run" "Takes the models of the previous run." ["["];
        AnsweringModel "models" "Asks the student, the teacher or both." ["m"];
        AnsweringWeights "weights" "Takes the student's best weights or its latest." ["w"];
        StartInference "run-inference" "Classifies the folder, again if it is done." ["r", "f5"];
        CancelInference "cancel-inference" "Ends the classification; what is done stays." ["x"];
        SortResults "sort-results" "Sorts by the next measure." ["s"];
        ReverseResults "reverse-results" "Sorts the other way round." ["S"];
        ShowUnreadable "unreadable-files" "Shows the files that could not be read, or the others." ["u"];
        ExportResults "export-results" "Writes the rows that are shown as CSV." ["e"];
        ExportResultLines "export-result-lines" "Writes the rows that are shown as lines of JSON." ["E"];
    }
}

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

    /// The action of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = ACTIONS.iter().find(|entry| entry.name == name);
        found.map(|entry| entry.action)
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

    #[test]
    fn names_are_told_apart_and_written_alike() {
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
            assert!(entry.description.ends_with('.'), "{}", entry.name);
        }
    }
}
