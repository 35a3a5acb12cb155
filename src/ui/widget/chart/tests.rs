//! Charts as people see them.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::ui::theme::{Background, Depth, Palette};

fn curve<'a>(name: &str, xs: &'a [f64], values: &'a [f64], colour: usize) -> Curve<'a> {
    Curve {
        name: name.to_owned(),
        colour,
        ..Curve::new(XValues::Values(xs), values)
    }
}

fn chart<'a>(curves: &'a [Curve<'a>], x: (f64, f64)) -> Chart<'a> {
    Chart {
        title: "loss",
        curves,
        x,
        unit: "step",
        y: None,
        ceiling: None,
        log: false,
        log_x: false,
        shares: false,
        marks: &[],
        best: None,
        crosshair: None,
        selected: false,
    }
}

fn drawn(chart: &Chart<'_>, width: u16, height: u16) -> String {
    let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| chart.draw(&theme, frame, frame.area()))
        .unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_single_spike_among_a_million_points_is_seen_at_its_place() {
    let xs: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    let mut values = vec![1.0; xs.len()];
    values[500_000] = 100.0;
    let mut summary = Summary::default();
    summary.extend(&values);
    let curves = [Curve {
        summary: Some(&summary),
        ..curve("a", &xs, &values, 0)
    }];
    let chart = chart(&curves, (0.0, 999_999.0));
    let picture = drawn(&chart, 60, 12);
    // Quote, gutter, and half of the plot.
    assert_eq!(first_dot(&picture), Some(1 + 7 + 26), "{picture}");
    // Zoomed in a thousandfold around it, it is there still.
    let close = Chart {
        x: (499_500.0, 500_500.0),
        ..chart
    };
    assert_eq!(first_dot(&drawn(&close, 60, 12)), Some(1 + 7 + 26));
}

/// The column of the first dot in the plot's top row.
fn first_dot(picture: &str) -> Option<usize> {
    let top = picture.lines().nth(1)?;
    top.chars()
        .position(|letter| ('\u{2801}'..='\u{28ff}').contains(&letter))
}

#[test]
fn gaps_are_not_bridged() {
    let xs: Vec<f64> = (0..10).map(f64::from).collect();
    let mut values = vec![1.0; 10];
    values[4] = f64::NAN;
    values[5] = f64::INFINITY;
    let curves = [curve("a", &xs, &values, 0)];
    let picture = drawn(&chart(&curves, (0.0, 9.0)), 47, 5);
    insta::assert_snapshot!(picture);
}

#[test]
fn everything_around_the_curves_stands_in_its_place() {
    let xs: Vec<f64> = (0..200).map(f64::from).collect();
    let falling: Vec<f64> = xs.iter().map(|x| 2.0 * (-x / 60.0).exp() + 0.1).collect();
    let rising: Vec<f64> = xs.iter().map(|x| 1.0 + x / 200.0).collect();
    let curves = [
        curve("total", &xs, &falling, 0),
        curve("truth", &xs, &rising, 1),
    ];
    let marks = [
        Mark {
            x: 50.0,
            letter: 'k',
            line: true,
        },
        Mark {
            x: 150.0,
            letter: 'r',
            line: false,
        },
    ];
    let chart = Chart {
        marks: &marks,
        best: Some((199.0, falling[199])),
        crosshair: Some(100.0),
        selected: true,
        ..chart(&curves, (0.0, 199.0))
    };
    insta::assert_snapshot!(drawn(&chart, 64, 14));
    insta::assert_snapshot!(drawn(&Chart { log: true, ..chart }, 64, 14));
}

#[test]
fn a_title_says_whole_numbers_and_names_or_leaves_them_out() {
    let (xs, values) = ([0.0, 1.0], [1.234, 1.234]);
    let curves = [
        curve("total", &xs, &values, 0),
        curve("distill", &xs, &values, 1),
        curve("truth", &xs, &values, 2),
    ];
    let chart = chart(&curves, (0.0, 1.0));
    for (width, title) in [
        (60, "loss  ● total 1.234  ▲ distill 1.234  ■ truth 1.234"),
        (50, "loss ●total 1.234 ▲distill 1.234 ■truth 1.234"),
        (45, "loss ●total 1.234 ▲distill 1.234 …"),
        (33, "loss ●total 1.234 …"),
        (18, "loss …"),
        (6, "loss"),
        (4, "lo…"),
    ] {
        let picture = drawn(&chart, width, 4);
        let first = picture.lines().next().unwrap_or_default();
        assert_eq!(first.trim_matches('"').trim(), title, "{width}");
    }
}

#[test]
fn marks_that_share_a_column_or_fill_the_axis_are_counted() {
    let (xs, values) = ([0.0, 1000.0], [1.0, 2.0]);
    let curves = [curve("a", &xs, &values, 0)];
    let mark = |x: u32, letter: char| Mark {
        x: x.into(),
        letter,
        line: letter == 'k',
    };
    let last_rows = |marks: &[Mark], height| {
        let chart = Chart {
            marks,
            ..chart(&curves, (0.0, 1000.0))
        };
        let picture = drawn(&chart, 60, height);
        let rows: Vec<String> = picture.lines().map(str::to_owned).collect();
        (rows[rows.len() - 2].clone(), rows[rows.len() - 1].clone())
    };
    let few = [mark(300, 'k'), mark(301, 'k'), mark(700, 'r')];
    let many: Vec<Mark> = (0..1000).map(|x| mark(x, 'r')).collect();
    let counted = |row: &str| -> usize {
        let counts = row.split('r').skip(1).map(|rest| {
            let rest = rest.trim_start_matches('×');
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<usize>().unwrap()
        });
        counts.sum()
    };
    // A low chart: in the gaps of the axis, whose numbers are all there.
    let numbers = ["┬0─", "┬500─"];
    let (_, axis) = last_rows(&few, 6);
    assert!(axis.contains("─k×2─") && axis.contains("─r─"), "{axis}");
    let (_, axis) = last_rows(&many, 6);
    assert_eq!(counted(&axis), 1000, "{axis}");
    let crowded: Vec<Mark> = (0..12).map(|at| mark(at * 90, 'r')).collect();
    for marks in [&few[..], &many, &crowded] {
        let (_, axis) = last_rows(marks, 6);
        assert!(numbers.iter().all(|number| axis.contains(number)), "{axis}");
        // A higher one: in a row of their own.
        let (axis, row) = last_rows(marks, 12);
        assert!(numbers.iter().all(|number| axis.contains(number)), "{axis}");
        assert!(!axis.contains(['k', 'r']), "{axis}");
        assert!(row.contains(" r"), "{row}");
    }
    let (_, row) = last_rows(&many, 12);
    assert_eq!(counted(&row), 1000, "{row}");
}

#[test]
fn a_smoothed_curve_is_drawn_over_its_raw_line() {
    let xs: Vec<f64> = (0..300).map(f64::from).collect();
    let values: Vec<f64> = (0..300)
        .map(|i| f64::from(i) / 100.0 + f64::from(i * 7 % 11) / 8.0)
        .collect();
    let mut smooth = Smooth::new(0.95);
    smooth.extend(&values);
    let curves = [Curve {
        smooth: Some(&smooth),
        ..curve("a", &xs, &values, 0)
    }];
    let chart = chart(&curves, (0.0, 299.0));
    let theme = Theme::new(Background::Dark, Palette::Standard, Depth::Sixteen);
    let mut terminal = Terminal::new(TestBackend::new(60, 12)).unwrap();
    terminal
        .draw(|frame| chart.draw(&theme, frame, frame.area()))
        .unwrap();
    let cells = terminal.backend().buffer().content();
    let with = |colour| {
        cells
            .iter()
            .filter(|cell| cell.fg == colour && cell.symbol() > "\u{2800}")
            .count()
    };
    let smoothed = theme.series(0).fg.unwrap();
    let faint = theme.muted().fg.unwrap();
    assert!(with(smoothed) >= 50, "{}", with(smoothed));
    assert!(with(faint) >= 50, "{}", with(faint));
}

#[test]
fn no_size_and_no_data_is_too_strange() {
    let xs = [0.0, 1.0, 2.0];
    for values in [
        vec![],
        vec![f64::NAN; 3],
        vec![f64::MAX, f64::MIN, 0.0],
        vec![-1.0, 0.0, 1e-300],
    ] {
        let xs = &xs[..values.len()];
        let curves = [curve("", xs, &values, 0), curve("b", xs, &values, 1)];
        for x in [(0.0, 2.0), (0.0, 0.0), (f64::NAN, 1.0), (-1e300, 1e300)] {
            for (width, height) in [(1, 1), (2, 9), (8, 2), (9, 3), (40, 10)] {
                for log in [false, true] {
                    let mark = Mark {
                        x: 1.0,
                        letter: 'k',
                        line: true,
                    };
                    let chart = Chart {
                        log,
                        marks: &[mark],
                        best: Some((1.0, f64::NAN)),
                        crosshair: Some(1.0),
                        ..chart(&curves, x)
                    };
                    drawn(&chart, width, height);
                }
            }
        }
    }
}
