//! Actions by name: type some of its letters, press enter.

use std::cmp::Reverse;

use crossterm::event::{KeyEvent, MouseEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::buttons::Button;
use super::help::NO_KEY;
use super::picker::{Picked, Picker};
use super::{Answer, Dialog, frame as boxed};
use crate::format::{shorten, shorten_words};
use crate::ui::action::{ACTIONS, Action, Context, Entry};
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::wrap::wrapped;

/// Cells of an action's name.
const NAME: u16 = 23;

/// Cells of its key.
const KEY: u16 = 11;

/// Cells of where it counts, so that actions of one name are told apart.
const CONTEXT: u16 = 12;

/// Fewer cells hold no useful words.
const WORDS: u16 = 12;

/// Cells in which every description fits beside its action.
const FULL: u16 = 124 + CONTEXT;

/// Cells of the whole box, where there is room.
const WIDTH: u16 = FULL + 4;

/// Lines of the whole box, where there is room.
const HEIGHT: u16 = 24;

/// Lines of the selected action's description, the rule above it included.
const DESCRIPTION: u16 = 3;

/// ```text
/// ┌ Commands ────────────────────────────────┐
/// │ eval█                                    │
/// │ evaluate-now   e   Live   Evaluate now   │
/// └──────────────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub struct Palette {
    picker: Picker,
    /// Where one is, the inmost first.
    contexts: Vec<Context>,
}

/// Where its parts stand.
struct Areas {
    place: Rect,
    input: Rect,
    list: Rect,
    about: Rect,
}

impl Palette {
    /// The palette of a place: of actions that match alike, the place's own come first.
    #[must_use]
    pub fn at(contexts: Vec<Context>) -> Self {
        Self {
            contexts,
            ..Self::default()
        }
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap) -> Answer {
        let rows = self.found().len();
        let picked = self.picker.key(key, boxed::meaning(key, keymap), rows);
        self.answer(picked)
    }

    pub(super) fn mouse(mut self, mouse: MouseEvent, area: Rect) -> Answer {
        let rows = self.found().len();
        let picked = self.picker.mouse(mouse, Self::areas(area).list, rows);
        self.answer(picked)
    }

    fn answer(self, picked: Picked) -> Answer {
        match picked {
            Picked::Nothing => Answer::Open(Dialog::Palette(self)),
            Picked::Closed => Answer::Closed,
            Picked::Row(row) => self.chosen(row),
        }
    }

    fn chosen(self, at: Option<usize>) -> Answer {
        match at.and_then(|at| self.found().get(at).copied()) {
            Some(entry) => Answer::Chosen(entry.action),
            None => Answer::Open(Dialog::Palette(self)),
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.picker.paste(text);
    }

    /// Actions that match, best first; all of them, those at hand first, while nothing
    /// is typed.
    fn found(&self) -> Vec<&'static Entry> {
        let text = self.picker.text();
        let pattern = Pattern::parse(&text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let words = text.to_lowercase();
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut scored: Vec<(Rank, u32, &Entry)> = ACTIONS
            .iter()
            .filter_map(|entry| {
                let mut score =
                    |text: &str| pattern.score(Utf32Str::new(text, &mut letters), &mut matcher);
                let name = score(entry.name).map(|score| score * 2);
                let fuzzy = name.max(score(entry.description));
                match Rank::of(&words, entry) {
                    Some(rank) => Some((rank, fuzzy.unwrap_or_default(), entry)),
                    None => fuzzy.map(|score| (Rank::Letters, score, entry)),
                }
            })
            .collect();
        // Scattered letters are noise beside words that were found.
        if scored.iter().any(|(rank, ..)| *rank != Rank::Letters) {
            scored.retain(|(rank, ..)| *rank != Rank::Letters);
        }
        let contexts = self.contexts.iter();
        let away = |entry: &Entry| {
            contexts
                .clone()
                .take_while(|at| **at != entry.context)
                .count()
        };
        scored.sort_by_key(|(rank, score, entry)| (*rank, Reverse(*score), away(entry)));
        scored.into_iter().map(|(_, _, entry)| entry).collect()
    }

    fn areas(area: Rect) -> Areas {
        let place = boxed::place((WIDTH, HEIGHT), area);
        let inside = boxed::inside(place);
        let below = if inside.width < FULL && inside.height > 2 * DESCRIPTION {
            DESCRIPTION
        } else {
            0
        };
        let [input, list, about] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Fill(1),
            Constraint::Length(below),
        ])
        .areas(inside);
        Areas {
            place,
            input,
            list,
            about,
        }
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let areas = Self::areas(area);
        boxed::open("Commands", areas.place, theme, frame);
        let found = self.found();
        self.picker.draw(
            (found.len(), "no matches"),
            |at| row(found[at], areas.list.width, theme, keymap),
            theme,
            frame,
            (areas.input, areas.list),
        );
        // Where the rows have no room for it, the selected one's stands below.
        if let Some(at) = self.picker.selection.get(found.len()) {
            let text = wrapped(found[at].description, usize::from(areas.about.width));
            let text: Vec<Line> = text.into_iter().map(Line::raw).collect();
            let rule = Block::new()
                .borders(Borders::TOP)
                .border_style(theme.muted());
            frame.render_widget(Paragraph::new(text).block(rule), areas.about);
        }
    }
}

/// What its keys do.
pub(super) fn hints(keymap: &Keymap) -> [Button; 2] {
    [
        Button::new(boxed::key(Action::Activate, keymap), "accept"),
        Button::new(boxed::key(Action::Back, keymap), "cancel"),
    ]
}

/// An action's name, its first key, where it counts and as much of its description as fits.
fn row(entry: &Entry, width: u16, theme: &Theme, keymap: &Keymap) -> Line<'static> {
    let (key, style) = match keymap.key(entry.action) {
        Some(key) => (key, theme.warn()),
        None => (NO_KEY.to_owned(), theme.muted()),
    };
    let room = width.saturating_sub(NAME + KEY + CONTEXT);
    let room = if room < WORDS { 0 } else { room };
    let cells = |text: &str, width: u16| {
        let text = shorten(text, width.saturating_sub(1));
        let gap = width.saturating_sub(width_of(&text));
        format!("{text}{}", " ".repeat(usize::from(gap)))
    };
    Line::from(vec![
        Span::raw(cells(entry.name, NAME)),
        Span::styled(cells(&key, KEY), style),
        Span::raw(cells(entry.context.title(), CONTEXT)),
        Span::styled(
            shorten_words(entry.description, usize::from(room)),
            theme.muted(),
        ),
    ])
}

/// How an action matches what was typed; the better, the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Every word begins one of its name or its description.
    Words,
    /// Every word begins one of these or of its synonyms.
    Synonyms,
    /// Its letters stand in it somewhere, in their order.
    Letters,
}

impl Rank {
    /// None if not every word is found; that nothing was typed makes no difference.
    fn of(words: &[&str], entry: &Entry) -> Option<Self> {
        let own = format!("{} {}", entry.name, entry.description).to_lowercase();
        let begins = |text: &str, word: &str| {
            let mut each = text.split([' ', '-']);
            each.any(|each| each.starts_with(word)) || text.starts_with(word)
        };
        if words.iter().all(|word| begins(&own, word)) {
            return Some(Self::Words);
        }
        let known = |word: &&str| begins(&own, word) || begins(entry.synonyms, word);
        words.iter().all(known).then_some(Self::Synonyms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_action() {
        let mut palette = Palette::default();
        assert_eq!(palette.found().len(), ACTIONS.len());
        palette.paste("evnow");
        assert_eq!(palette.found()[0].action, Action::EvaluateNow);
        palette.paste("zzzz");
        assert!(palette.found().is_empty());
    }

    fn found(text: &str) -> Vec<Action> {
        found_at(&[], text)
    }

    fn found_at(contexts: &[Context], text: &str) -> Vec<Action> {
        let mut palette = Palette::at(contexts.to_vec());
        palette.paste(text);
        palette.found().iter().map(|entry| entry.action).collect()
    }

    #[test]
    fn scattered_letters_are_left_out_where_a_word_or_synonym_is_found() {
        let delete = found("delete");
        assert_eq!(delete[..2], [Action::TrashExperiment, Action::TrashRun]);
        assert!(!delete.contains(&Action::ScaleCurves));
        for word in ["kill", "abort", "cancel", "exit"] {
            assert!(found(word).contains(&Action::StopRun), "{word}");
        }
        // What was typed stands in it as letters only, and is still found.
        assert_eq!(found("trshrun")[0], Action::TrashRun);
        assert_eq!(found("move clone"), []);
    }

    #[test]
    fn what_is_at_hand_comes_first_and_before_what_matches_no_better() {
        let knobs = [Context::Knobs, Context::Live, Context::Global];
        let all = found_at(&knobs, "");
        let contexts = all.iter().map(|action| action.entry().context);
        let mut contexts: Vec<Context> = contexts.collect();
        assert_eq!(contexts.len(), ACTIONS.len());
        contexts.dedup();
        assert_eq!(contexts[..3], knobs);
        // The best match is that, wherever it belongs.
        let undo = |contexts: &[Context]| found_at(contexts, "undo-")[..2].to_vec();
        assert_eq!(undo(&[]), [Action::UndoText, Action::UndoKnob]);
        assert_eq!(undo(&knobs), [Action::UndoKnob, Action::UndoText]);
        assert_eq!(found_at(&knobs, "show runs")[0], Action::ShowRuns);
    }

    #[test]
    fn a_whole_word_ranks_before_a_synonym() {
        assert_eq!(found("undo")[..2], [Action::UndoText, Action::UndoKnob]);
        let clone = found("clone");
        assert_eq!(clone[0], Action::DuplicateExperiment);
        let compare = found("compare");
        let at = |action| compare.iter().position(|found| *found == action);
        // `diff-runs` has it as a synonym only.
        assert!(at(Action::CompareFolder) < at(Action::DiffRuns));
    }
}
