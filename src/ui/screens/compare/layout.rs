//! Where the panels stand; asked by drawing and by the mouse alike.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::{Compare, View, class_table, heat_map};
use crate::ui::layout::Panes;
use crate::ui::widget::Border;
use crate::ui::widget::border::share_of;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::gallery::{ROOMY, inside};

/// Narrower than this, the image stands under the list and not beside it.
const NARROW: u16 = 64;
/// Lower than this, there is no room for the timeline.
const LOW: u16 = 14;

/// Lower than this, the list has all of a narrow screen.
const STACKED: u16 = 11;
/// Hundredths of the width that the list has until somebody drags its border.
const SHARE: u16 = 48;
/// Fewest columns to which the list or the image can be dragged.
const NARROWEST: u16 = 24;
/// Rows of the list above an image, for two of its images at least.
const FEWEST: u16 = 5;

/// Cells left of the timeline's track.
pub(super) const NAMES: u16 = 9;
/// Cells right of it.
pub(super) const VALUE: u16 = 9;

/// Where the panels stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    /// How they compare over the whole set.
    pub(super) verdict: Rect,
    /// What is compared.
    pub(super) head: Rect,
    /// Names of the views.
    pub(super) views: Rect,
    /// The whole between those and the timeline.
    pub(super) main: Rect,
    /// The list of images.
    pub(super) list: Rect,
    /// The selected image.
    pub(super) detail: Rect,
    /// Points of the training.
    pub(super) timeline: Rect,
}

/// Where the panels stand in the views of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassAreas {
    /// The table of the classes, or their matrix.
    pub(super) classes: Rect,
    /// The matrix beside the table, where there is room for it.
    pub(super) matrix: Option<Rect>,
    /// The images of what is looked at.
    pub(super) images: Option<Rect>,
}

impl Compare {
    /// Where the panels stand in the views of classes.
    pub(super) fn class_areas(&self, main: Rect) -> ClassAreas {
        let names = self.class_names();
        let matrix = heat_map::wanted(main.width, names);
        if self.view != View::Classes {
            let (classes, images) = beside(main, matrix);
            return ClassAreas {
                classes,
                matrix: None,
                images,
            };
        }
        let columns = class_table::least_width(self.classes.columns, self.second_name().is_some());
        let has_matrix = main.width >= columns + matrix.0;
        let rows = class_table::rows(names.len());
        let rows = if has_matrix { rows.max(matrix.1) } else { rows };
        let (upper, images) = beside(main, (main.width, rows));
        let width = if has_matrix { matrix.0 } else { 0 };
        let [classes, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(width)]).areas(upper);
        ClassAreas {
            classes,
            matrix: has_matrix.then_some(right),
            images,
        }
    }

    /// Takes over where the border was before.
    pub(in crate::ui) fn apply_layout(&mut self, panes: &Panes) {
        self.border = Border::at(panes.images);
    }

    /// Columns that the list was given.
    pub(in crate::ui) fn border(&self) -> Option<u16> {
        self.border.given()
    }
}

/// The panels of an area. The list has the width that its border was dragged to,
/// the verdict the rows that it needs.
pub(super) fn areas(area: Rect, border: Border, verdict: u16) -> Areas {
    let timeline = if area.height < LOW { 0 } else { 4 };
    let [verdict, head, views, main, timeline] = Layout::vertical([
        Constraint::Length(verdict),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(timeline),
    ])
    .areas(area);
    let [list, detail] = if area.width < NARROW {
        let list = if main.height < STACKED {
            main.height
        } else {
            (main.height * 2 / 5).max(FEWEST)
        };
        Layout::vertical([Constraint::Length(list), Constraint::Fill(1)]).areas(main)
    } else {
        let usual = share_of(area.width, SHARE);
        let list = border.width(usual, NARROWEST, area.width);
        Layout::horizontal([Constraint::Length(list), Constraint::Fill(1)]).areas(main)
    };
    Areas {
        verdict,
        head,
        views,
        main,
        list,
        detail,
        timeline,
    }
}

/// A panel of classes that wants so many columns and rows, and the images of the one that
/// is looked at: beside it, else below it, where that leaves room for any.
pub(super) fn beside(main: Rect, (columns, rows): (u16, u16)) -> (Rect, Option<Rect>) {
    let [left, right] =
        Layout::horizontal([Constraint::Length(columns), Constraint::Fill(1)]).areas(main);
    let [upper, lower] =
        Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)]).areas(main);
    if right.width >= ROOMY.0 {
        (left, Some(right))
    } else if lower.height >= FEWEST {
        (upper, Some(lower))
    } else {
        (main, None)
    }
}

/// A view's name with its margins, in a line of this width that holds all of
/// them.
pub(super) fn tab(view: View, views: &[View], width: u16) -> String {
    let whole = |view: View| format!(" {} ", view.titles().0);
    let all: u16 = views.iter().map(|view| width_of(&whole(*view))).sum();
    if all <= width {
        whole(view)
    } else {
        format!(" {}", view.titles().1)
    }
}

/// The view whose name is at a cell.
pub(super) fn view_at(views: &[View], area: Rect, position: Position) -> Option<View> {
    if !area.contains(position) {
        return None;
    }
    let mut left = area.x;
    views.iter().copied().find(|view| {
        let width = width_of(&tab(*view, views, area.width));
        let at = (left..left + width).contains(&position.x);
        left += width;
        at
    })
}

/// Where points of the training stand in the timeline; a cell is left free at
/// either end for the brackets around the one that is shown.
pub(super) fn track(timeline: Rect) -> Rect {
    let inside = inside(timeline);
    let name = NAMES.min(inside.width);
    let value = VALUE.min(inside.width - name);
    let between = inside.width - name - value;
    Rect {
        x: inside.x + name + 1.min(between),
        width: between.saturating_sub(2),
        ..inside
    }
}

/// The column of a point of the training, from the left end of the track.
pub(super) fn column(steps: &[u64], at: usize, width: u16) -> u16 {
    let (Some(first), Some(last), Some(step)) = (steps.first(), steps.last(), steps.get(at)) else {
        return 0;
    };
    let span = last.saturating_sub(*first);
    if span == 0 || width == 0 {
        return 0;
    }
    let share = step.saturating_sub(*first).min(span) as f64 / span as f64;
    (share * f64::from(width - 1)).round() as u16
}

/// The point of the training that is nearest to a column.
pub(super) fn nearest(steps: &[u64], at: u16, width: u16) -> Option<usize> {
    (0..steps.len()).min_by_key(|&point| column(steps, point, width).abs_diff(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fit_into_any_area() {
        for width in [0, 1, 5, 40, 63, 64, 80, 200] {
            for height in [0, 1, 3, 13, 14, 24, 60] {
                let area = Rect::new(2, 1, width, height);
                let areas = areas(area, Border::at(Some(width / 3)), width % 5);
                for panel in [
                    areas.head,
                    areas.views,
                    areas.list,
                    areas.detail,
                    areas.timeline,
                ] {
                    assert_eq!(panel.intersection(area), panel, "{area:?}");
                    assert!(track(panel).width <= panel.width);
                }
            }
        }
    }

    #[test]
    fn points_stand_in_proportion_to_their_steps_and_are_found_again() {
        let steps = [0, 100, 400];
        let columns: Vec<u16> = (0..3).map(|at| column(&steps, at, 41)).collect();
        assert_eq!(columns, [0, 10, 40]);
        for (at, column) in columns.into_iter().enumerate() {
            assert_eq!(nearest(&steps, column, 41), Some(at));
        }
        assert_eq!(nearest(&steps, 36, 41), Some(2));
        assert_eq!(column(&[7, 7], 1, 41), 0);
        assert_eq!(nearest(&[], 3, 41), None);
    }

    #[test]
    fn a_click_finds_the_name_of_a_view() {
        let area = Rect::new(0, 3, 80, 1);
        let view_at = |area, position| super::view_at(&View::ALL, area, position);
        assert_eq!(view_at(area, Position::new(1, 3)), Some(View::Images));
        assert_eq!(view_at(area, Position::new(12, 3)), Some(View::Agreement));
        assert_eq!(view_at(area, Position::new(79, 3)), None);
        assert_eq!(view_at(area, Position::new(1, 4)), None);
        let narrow = Rect { width: 40, ..area };
        let views: Vec<View> = (0..40)
            .filter_map(|x| view_at(narrow, Position::new(x, 3)))
            .collect();
        assert!(View::ALL.iter().all(|view| views.contains(view)));
    }
}
