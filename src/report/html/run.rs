//! One run in the report.

use std::fmt::Write as _;

use super::chart::{Chart, Curve, Mark, Unit};
use super::images::embedded;
use super::markup::{Table, escaped, folded, preformatted};
use super::{ReportedRun, Room};
use crate::event::inspection::{Probe, divergence, predicted, softmax};
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::experiment::metric::Quantity;
use crate::format::{MISSING, count, loss, percent, shell_word};
use crate::listing::{Column, Field, Subject};
use crate::report::runs::{HEAD, state, verdicts};
use crate::report::{event_formatter, metrics};
use crate::store::RunStore;
use crate::untrusted::Show as _;

/// Classes of a matrix whose numbers are all shown; of more, the most frequent confusions.
const CLASSES: usize = 24;

/// Confusions that are listed then.
const CONFUSIONS: usize = 20;

/// The run's part of the report. Of several runs each is below the report's own heading.
pub(super) fn section(
    reported: &ReportedRun,
    at: usize,
    is_one_of_several: bool,
    room: Room,
) -> String {
    let (run, store) = (&reported.run, &reported.run.run.store);
    let level = if is_one_of_several { 2 } else { 1 };
    let mut html = format!(
        "<section id=\"run-{at}\">\n<h{level}>{}</h{level}>\n",
        escaped(run.name)
    );
    html += &head(run);
    html += &outcome(store);
    html += &part("Gates", &gates(reported));
    let marks = marks(store, Phase::Student);
    for chart in charts(store, Phase::Student, &marks, room) {
        html += &chart.html();
    }
    if !marks.is_empty() {
        let mut changes = Table::new("Changes", &[("epoch", true), ("change", false)]);
        for mark in &marks {
            let epoch = (mark.epoch * 100.0).round() / 100.0;
            changes.row([crate::format::number(epoch), mark.words.clone()]);
        }
        html += &part("Changed while training", &changes.html());
    }
    let teacher = charts(store, Phase::Teacher, &[], room);
    if !teacher.is_empty() {
        let charts: String = teacher.iter().map(Chart::html).collect();
        html += &folded("Training of the teacher", &charts);
    }
    html += &confusion(store);
    html += &hardest(reported.probe, room);
    html += &reproduction(run);
    html + "</section>\n"
}

fn part(title: &str, content: &str) -> String {
    if content.is_empty() {
        return String::new();
    }
    format!("<h3>{}</h3>\n{content}", escaped(title))
}

fn head(run: &Subject) -> String {
    let mut table = Table::new("The run", &[("", false), ("", false)]);
    table.row(["state".to_owned(), state(run)]);
    for problem in run.run.all_problems() {
        table.row(["problem".to_owned(), problem.clone()]);
    }
    // What is done of it stands in its state.
    for (label, column) in HEAD.iter().filter(|(_, it)| *it != Column::Done) {
        let text = Field::Column(*column).text(run);
        if text != MISSING {
            table.row([(*label).to_owned(), text]);
        }
    }
    for fact in event_formatter::facts(&run.run.store) {
        if let Some((label, text)) = fact.split_once(": ") {
            table.row([label.to_owned(), text.to_owned()]);
        }
    }
    table.html()
}

/// How student and teacher compare on each set.
fn outcome(store: &RunStore) -> String {
    let mut html = compared(store, Split::Valid) + &compared(store, Split::Test);
    let lines = metrics::summary(store).into_iter();
    let chosen = lines.filter(|(label, _)| *label == "best");
    for place in chosen.filter_map(|(_, words)| words.into_iter().next()) {
        let _ = writeln!(
            html,
            "<p>The best weights are those of {}.</p>",
            escaped(&place)
        );
    }
    html
}

fn compared(store: &RunStore, split: Split) -> String {
    let last = |weights| store.last_evaluation(Phase::Student, split, weights);
    let is_valid = split == Split::Valid;
    let best = if is_valid {
        store.best_evaluation(Phase::Student)
    } else {
        last(EvaluatedWeights::Best)
    };
    let quantized = if is_valid {
        store.best_quantized()
    } else {
        last(EvaluatedWeights::Quantized)
    };
    let found = [
        ("student (best)", best),
        ("student (last)", last(EvaluatedWeights::Last)),
        ("student, quantized", quantized),
    ];
    let found: Vec<(&str, &Evaluation)> = found
        .into_iter()
        .filter_map(|(who, evaluation)| Some((who, evaluation?)))
        .collect();
    let Some((_, first)) = found.first() else {
        return String::new();
    };
    let columns = [
        "top-1",
        "balanced accuracy",
        "loss",
        "ECE",
        "agreement",
        "KL, T = 1",
        "both right",
        "only teacher",
        "only student",
        "both wrong",
    ];
    let mut titles = vec![("", false)];
    titles.extend(columns.map(|title| (title, true)));
    let set = if is_valid { "validation" } else { "test" };
    let images = count(first.images as u64);
    let title = format!("Student and teacher on {images} {set} images");
    let mut table = Table::new(&title, &titles);
    let share = |value: Option<f64>| value.map_or_else(|| MISSING.to_owned(), percent);
    for (who, evaluation) in &found {
        let teacher = evaluation.teacher;
        let whose = evaluation.who_is_right();
        let right = |at: usize| share(whose.map(|shares| shares[at]));
        table.row([
            (*who).to_owned(),
            percent(evaluation.top1),
            share(evaluation.value(Quantity::BalancedAccuracy)),
            loss(evaluation.loss),
            share(evaluation.ece),
            share(teacher.map(|teacher| teacher.agreement)),
            teacher.map_or_else(|| MISSING.to_owned(), |teacher| loss(teacher.kl)),
            right(0),
            right(1),
            right(2),
            right(3),
        ]);
    }
    if let Some(teacher) = first.teacher {
        let missing = || MISSING.to_owned();
        let mut row = vec![
            "teacher".to_owned(),
            percent(teacher.top1),
            missing(),
            missing(),
            share(teacher.ece),
        ];
        row.resize_with(titles.len(), missing);
        table.row(row);
    }
    part(&title, &table.html())
}

fn gates(reported: &ReportedRun) -> String {
    let mut table = Table::new("Gates", &[("gate", false)]);
    for verdict in verdicts(&reported.run, reported.spec) {
        table.row([verdict.to_string()]);
    }
    table.html()
}

/// Top-1 of the weights that were trained, by epoch of the evaluation.
pub(super) fn top1(store: &RunStore, phase: Phase) -> Vec<(f64, f64)> {
    let evaluations = store.evaluations_of(phase, Split::Valid);
    evaluations.map(|it| (it.epoch, it.top1)).collect()
}

/// Curves of a training: accuracy, losses, and what knobs were that moved.
fn charts<'a>(store: &RunStore, phase: Phase, marks: &'a [Mark], room: Room) -> Vec<Chart<'a>> {
    let chart = |title: &str, unit, curves: Vec<Curve>| Chart {
        title: title.to_owned(),
        unit,
        curves,
        marks,
        most: room.points,
    };
    let mut accuracy = vec![Curve {
        name: format!("{}, valid", phase.word()),
        points: top1(store, phase),
    }];
    if phase == Phase::Student {
        let taught = store.evaluations_of(phase, Split::Valid);
        let taught = taught.filter_map(|it| Some((it.epoch, it.teacher?.top1)));
        accuracy.push(Curve {
            name: "teacher, valid".to_owned(),
            points: taught.collect(),
        });
    }
    let logged = logged(store, phase);
    let under = |prefix: &str| -> Vec<Curve> {
        let named = logged.iter();
        let named = named.filter_map(|(name, points)| Some((name.strip_prefix(prefix)?, points)));
        named
            .map(|(name, points)| Curve {
                name: name.to_owned(),
                points: points.clone(),
            })
            .collect()
    };
    let losses = under("loss/");
    let moved = under("knob/").into_iter().filter(|knob| {
        let first = knob.points.first().map(|(_, value)| *value);
        knob.points.iter().any(|(_, value)| Some(*value) != first)
    });
    let in_unit = |knob: &Curve| {
        let mut values = knob.points.iter().map(|(_, value)| *value);
        knob.name != "lr" && values.all(|value| (0.0..=1.0).contains(&value))
    };
    let (shares, others): (Vec<Curve>, Vec<Curve>) = moved.partition(in_unit);
    let mut charts = vec![
        chart("Top-1", Unit::Share, accuracy),
        chart("Losses", Unit::Number, losses),
        chart("Probabilities and weights", Unit::Number, shares),
    ];
    for knob in others {
        charts.push(chart(&knob.name.clone(), Unit::Number, vec![knob]));
    }
    charts.retain(|chart| chart.curves.iter().any(|curve| !curve.points.is_empty()));
    charts
}

/// Logged values by epoch, of each series.
fn logged(store: &RunStore, phase: Phase) -> Vec<(String, Vec<(f64, f64)>)> {
    let Some(state) = store.phases.get(&phase) else {
        return Vec::new();
    };
    let table = store.table(phase);
    let names = table.metrics();
    let series = names.filter_map(|name| Some((name.to_owned(), table.series(name)?)));
    series
        .map(|(name, series)| {
            let points = series.points();
            let points = points.map(|(step, value)| (state.epochs_after(step + 1), value));
            (name, points.collect())
        })
        .collect()
}

/// What was changed while it trained.
fn marks(store: &RunStore, phase: Phase) -> Vec<Mark> {
    let Some(state) = store.phases.get(&phase) else {
        return Vec::new();
    };
    let changes = store.adjustments().filter(|(at, _)| at.phase == phase);
    changes
        .map(|(at, command)| Mark {
            epoch: state.epochs_after(at.step),
            words: format!("{command} at step {}", count(at.step)),
        })
        .collect()
}

/// What the student takes for what, on test images where there are some.
fn confusion(store: &RunStore) -> String {
    let test = store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best);
    let found = test.or_else(|| store.best_evaluation(Phase::Student));
    let Some((evaluation, data)) = found.zip(store.data.as_ref()) else {
        return String::new();
    };
    let (matrix, classes) = (&evaluation.confusion, &data.classes);
    if matrix.is_empty() || matrix.len() != classes.len() {
        return String::new();
    }
    let title = format!("Confusion, {} images (best)", evaluation.split.word());
    let content = if classes.len() <= CLASSES {
        whole(evaluation, classes)
    } else {
        confusions(evaluation, classes)
    };
    part(&title, &(content + &per_class(evaluation, classes)))
}

/// Every cell, shaded by its share of the row.
fn whole(evaluation: &Evaluation, classes: &[String]) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table class=\"matrix\" aria-label=\"Confusion\"><thead><tr><th \
         scope=\"col\">label \\ prediction</th>",
    );
    for class in classes {
        let _ = write!(
            html,
            "<th scope=\"col\" class=\"number\">{}</th>",
            escaped(class)
        );
    }
    html += "</tr></thead>\n<tbody>\n";
    for (label, (row, class)) in evaluation.confusion.iter().zip(classes).enumerate() {
        let images: u64 = row.iter().copied().map(u64::from).sum();
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(class));
        for (prediction, &cell) in row.iter().enumerate() {
            let share = f64::from(cell) / images.max(1) as f64;
            let right = if label == prediction {
                " class=\"right\""
            } else {
                ""
            };
            let _ = write!(html, "<td{right} style=\"--share:{share:.2}\">{cell}</td>");
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

/// The most frequent confusions.
fn confusions(evaluation: &Evaluation, classes: &[String]) -> String {
    let cells = evaluation.confusion.iter().enumerate();
    let cells = cells.flat_map(|(label, row)| {
        let row = row.iter().enumerate();
        row.map(move |(prediction, &images)| (images, label, prediction))
    });
    let mut wrong: Vec<_> = cells
        .filter(|(images, label, prediction)| *images > 0 && label != prediction)
        .collect();
    wrong.sort_by_key(|(images, ..)| std::cmp::Reverse(*images));
    let titles = [("label", false), ("prediction", false), ("images", true)];
    let mut table = Table::new("The most frequent confusions", &titles);
    for (images, label, prediction) in wrong.into_iter().take(CONFUSIONS) {
        table.row([
            classes[label].clone(),
            classes[prediction].clone(),
            count(u64::from(images)),
        ]);
    }
    table.html()
}

fn per_class(evaluation: &Evaluation, classes: &[String]) -> String {
    let titles = [
        ("class", false),
        ("images", true),
        ("recall", true),
        ("precision", true),
    ];
    let mut table = Table::new("Recall and precision", &titles);
    for (at, (class, row)) in classes.iter().zip(&evaluation.confusion).enumerate() {
        let value = |quantity| {
            let value = evaluation.value_of_class(quantity, at);
            value.map_or_else(|| MISSING.to_owned(), percent)
        };
        table.row([
            class.clone(),
            count(row.iter().copied().map(u64::from).sum::<u64>()),
            value(Quantity::Recall),
            value(Quantity::Precision),
        ]);
    }
    folded("Recall and precision by class", &table.html())
}

/// Images on which the student is farthest from its teacher, or from the label.
fn hardest(probe: Option<&Probe>, room: Room) -> String {
    let Some((probe, last)) = probe.and_then(|probe| Some((probe, probe.students.last()?))) else {
        return String::new();
    };
    let probabilities = |rows: &[Vec<f32>], image: usize| {
        let logits = rows.get(image)?;
        predicted(logits).map(|class| (class, softmax(logits, 1.0)))
    };
    let mut found = Vec::new();
    for (at, image) in probe.images.iter().enumerate() {
        let Some((student, of_student)) = probabilities(&last.logits, at) else {
            continue;
        };
        let teacher = probe.teacher.as_deref();
        let teacher = teacher.and_then(|rows| probabilities(rows, at));
        let distance = match (&teacher, image.label) {
            (Some((_, of_teacher)), _) => divergence(of_teacher, &of_student),
            (None, Some(label)) => match of_student.get(label as usize) {
                Some(share) => -share.max(f32::MIN_POSITIVE).ln(),
                None => continue,
            },
            (None, None) => continue,
        };
        let answer = |class: usize, shares: &[f32]| {
            let name = probe.classes.get(class).map_or("?", String::as_str);
            format!("{name} {}", percent(f64::from(shares[class])))
        };
        let student = (student, answer(student, &of_student));
        let teacher = teacher.map(|(class, shares)| (class, answer(class, &shares)));
        found.push((distance, image, student, teacher));
    }
    found.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    let mut html = String::new();
    for (distance, image, student, teacher) in found.into_iter().take(room.images) {
        let Ok(source) = embedded(&image.picture) else {
            continue;
        };
        let label = image.label.map(|label| label as usize);
        let named = label.and_then(|label| probe.classes.get(label));
        let line = |who: &str, (class, words): &(usize, String)| {
            let (sign, look) = match label {
                Some(label) if label == *class => ("✓ ", "good"),
                Some(_) => ("✗ ", "bad"),
                None => ("", ""),
            };
            format!(
                "{who} <span class=\"{look}\">{sign}{}</span><br>",
                escaped(words)
            )
        };
        let what = if teacher.is_some() { "KL" } else { "loss" };
        let _ = writeln!(
            html,
            "<figure><img src=\"{source}\" alt=\"{}\"><figcaption>{}{}{}{what} {}</figcaption></figure>",
            escaped(&image.source),
            named.map_or_else(String::new, |name| format!("label {}<br>", escaped(name))),
            teacher
                .iter()
                .map(|teacher| line("teacher", teacher))
                .collect::<String>(),
            line("student", &student),
            loss(f64::from(distance))
        );
    }
    if html.is_empty() {
        return html;
    }
    let against = if probe.teacher.is_some() {
        "highest KL of teacher and student"
    } else {
        "highest loss"
    };
    let title = format!(
        "Of {} probe images those of the {against}",
        probe.images.len()
    );
    part(&title, &format!("<div class=\"images\">\n{html}</div>\n"))
}

/// What another person needs to train it again.
fn reproduction(run: &Subject) -> String {
    let entry = run.run;
    let mut table = Table::new("What determined it", &[("", false), ("", false)]);
    let mut row = |label: &str, text: Option<String>| {
        if let Some(text) = text {
            table.row([label.to_owned(), text]);
        }
    };
    let identity = entry.store.identity.as_ref();
    row(
        "program",
        identity.map(|known| format!("{} {}", env!("CARGO_PKG_NAME"), known.version)),
    );
    row("device", identity.map(|known| known.device.clone()));
    if let Some(plan) = &entry.plan {
        row("seed", Some(plan.resolved.plan.seed.to_string()));
        row("experiment, BLAKE3", Some(plan.experiment.clone()));
        for (set, identity) in &plan.data.identity {
            let words = format!(
                "{} images, BLAKE3 {}",
                count(identity.images as u64),
                identity.content
            );
            row(set.word(), Some(words));
        }
        for weights in &plan.weights {
            let words = format!("BLAKE3 {}", weights.content);
            row(&weights.path.shown().to_string(), Some(words));
        }
    }
    let mut html = String::from("<h3>How to train it again</h3>\n");
    html += &preformatted(&format!(
        "{} --run experiment.ron\n{} --replay {}   # with the changes made while it trained",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        shell_word(entry.folder.path())
    ));
    html += &table.html();
    let mut fields = Table::new("Configuration", &[("field", false), ("value", false)]);
    for path in run.config.paths() {
        if let Some(value) = run.config.get(path) {
            fields.row([path.to_owned(), value.to_owned()]);
        }
    }
    html += &folded("experiment.ron", &preformatted(&entry.experiment));
    html + &folded("Configuration, field by field", &fields.html())
}
