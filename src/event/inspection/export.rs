//! Answers as text to take away: CSV and lines of JSON.

use serde::Serialize;

use super::{AnswerMetrics, Classified, ranked, softmax};
use crate::untrusted::{clean_line, json_line};

/// Most likely classes that are written of every answer.
const TOP: usize = 5;

/// A model's answer as it is written.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    prediction: &'a str,
    confidence: f32,
    margin: f32,
    entropy: f32,
    top: Vec<Top<'a>>,
    logits: &'a [f32],
}

/// One of the most likely classes.
#[derive(Debug, Serialize)]
struct Top<'a> {
    class: &'a str,
    probability: f32,
}

/// A line of JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<Answer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teacher: Option<Answer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agree: Option<bool>,
    milliseconds: f64,
}

/// A table with a line of titles and a line for every image: its file; its label
/// where any image has one, its folder being named like a class; of every
/// model that was asked the most likely class, its probability, its margin over
/// the second, the entropy in nats and the five likeliest classes as
/// `cat=0.812;dog=0.12`; whether both agree; milliseconds. What a model did
/// not answer is empty. CSV can escape nothing but quotes and commas, so control
/// characters in names are made visible, as `\n`, and names that a spreadsheet takes
/// for formulas begin with `'`; JSON has the names themselves.
pub fn csv_of<'a>(
    rows: impl IntoIterator<Item = &'a Classified, IntoIter: Clone>,
    classes: &[String],
) -> Result<String, csv::Error> {
    let rows = rows.into_iter();
    let asked = [
        ("student", rows.clone().any(|row| row.student.is_some())),
        ("teacher", rows.clone().any(|row| row.teacher.is_some())),
    ];
    let both = asked.iter().all(|(_, asked)| *asked);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let labelled = rows.clone().any(|row| row.label.is_some());
    let mut titles = vec!["file".to_owned()];
    titles.extend(labelled.then(|| "label".to_owned()));
    for (name, _) in asked.iter().filter(|(_, asked)| *asked) {
        titles.push((*name).to_owned());
        for metric in ["confidence", "margin", "entropy", "top"] {
            titles.push(format!("{name}_{metric}"));
        }
    }
    titles.extend(both.then(|| "agree".to_owned()));
    titles.push("milliseconds".to_owned());
    writer.write_record(&titles)?;
    for row in rows {
        let line = Line::of(row, classes);
        let mut fields = vec![cell(&line.file)];
        fields.extend(labelled.then(|| cell(line.label.unwrap_or_default())));
        for ((_, asked), answer) in asked.iter().zip([&line.student, &line.teacher]) {
            if *asked {
                fields.extend(fields_of(answer.as_ref()));
            }
        }
        fields.extend(both.then(|| line.agree.map_or(String::new(), |agree| agree.to_string())));
        fields.push(format!("{:.3}", line.milliseconds));
        writer.write_record(&fields)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A name as a cell: a spreadsheet takes what begins like a formula for one, and a
/// quote before it for text.
fn cell(name: &str) -> String {
    let name = clean_line(name);
    if name.starts_with(['=', '+', '-', '@']) {
        format!("'{name}")
    } else {
        name.into_owned()
    }
}

fn fields_of(answer: Option<&Answer>) -> [String; 5] {
    let Some(answer) = answer else {
        return Default::default();
    };
    let top = answer
        .top
        .iter()
        .map(|top| format!("{}={}", clean_line(top.class), top.probability));
    [
        cell(answer.prediction),
        answer.confidence.to_string(),
        answer.margin.to_string(),
        answer.entropy.to_string(),
        cell(&top.collect::<Vec<_>>().join(";")),
    ]
}

/// A JSON object a line for every image: `file`, `label` if it is known, `student` and `teacher` as far
/// as they answered, each with `prediction`, `confidence`, `margin`, `entropy`,
/// `top` and `logits`, one for each class in their order; `agree` where both did;
/// `milliseconds`.
pub fn json_lines_of<'a>(
    rows: impl IntoIterator<Item = &'a Classified>,
    classes: &[String],
) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for row in rows {
        text += &json_line(&Line::of(row, classes))?;
    }
    Ok(text)
}

impl<'a> Line<'a> {
    fn of(row: &'a Classified, classes: &'a [String]) -> Self {
        let metrics = |logits: &Option<Vec<f32>>| logits.as_deref().and_then(AnswerMetrics::of);
        let both = metrics(&row.student).zip(metrics(&row.teacher));
        Self {
            file: row.path.to_string_lossy().into_owned(),
            label: row
                .label
                .and_then(|label| classes.get(label))
                .map(String::as_str),
            student: row.student.as_deref().and_then(|l| Answer::of(l, classes)),
            teacher: row.teacher.as_deref().and_then(|l| Answer::of(l, classes)),
            agree: both.map(|(student, teacher)| student.prediction == teacher.prediction),
            milliseconds: row.milliseconds,
        }
    }
}

impl<'a> Answer<'a> {
    fn of(logits: &'a [f32], classes: &'a [String]) -> Option<Self> {
        let metrics = AnswerMetrics::of(logits)?;
        let name = |class: usize| classes.get(class).map_or("", String::as_str);
        let probabilities = softmax(logits, 1.0);
        let top = ranked(&probabilities, TOP).into_iter().map(|class| Top {
            class: name(class),
            probability: probabilities[class],
        });
        Some(Self {
            prediction: name(metrics.prediction),
            confidence: metrics.confidence,
            margin: metrics.margin,
            entropy: metrics.entropy,
            top: top.collect(),
            logits,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Picture;
    use super::*;

    fn row(path: &str, student: Option<Vec<f32>>, teacher: Option<Vec<f32>>) -> Classified {
        Classified {
            path: PathBuf::from(path),
            picture: Picture {
                width: 0,
                height: 0,
                rgb: Vec::new(),
            },
            label: None,
            student,
            teacher,
            milliseconds: 1.25,
        }
    }

    fn classes() -> Vec<String> {
        vec!["cat, \"small\"".to_owned(), "dog".to_owned()]
    }

    #[test]
    fn a_name_that_a_spreadsheet_takes_for_a_formula_is_text() {
        let rows = [row("=cmd().png", Some(vec![0.0, 1.0]), None)];
        let text = csv_of(&rows, &["cat".to_owned(), "@SUM(A1)".to_owned()]).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert!(line.starts_with("'=cmd().png,'@SUM(A1),0."), "{line}");
        assert!(line.contains(",'@SUM(A1)=0."), "{line}");
    }

    #[test]
    fn a_csv_has_the_columns_of_the_models_that_answered() {
        let rows = [
            row("a/1,2.png", Some(vec![0.0, 0.0]), None),
            row("b.png", None, None),
        ];
        let text = csv_of(&rows, &classes()).unwrap();
        assert_eq!(
            text,
            "file,student,student_confidence,student_margin,student_entropy,student_top,milliseconds\n\
             \"a/1,2.png\",\"cat, \"\"small\"\"\",0.5,0,0.6931472,\
             \"cat, \"\"small\"\"=0.5;dog=0.5\",1.250\n\
             b.png,,,,,,1.250\n"
        );
        let rows = [row("a", Some(vec![2.0, 0.0]), Some(vec![0.0, 2.0]))];
        let text = csv_of(&rows, &classes()).unwrap();
        assert!(
            text.lines()
                .next()
                .unwrap()
                .ends_with("teacher_top,agree,milliseconds")
        );
        assert!(text.ends_with(",false,1.250\n"));
    }

    #[test]
    fn a_name_that_would_act_on_a_terminal_or_a_workflow_does_not() {
        let hostile = "a\n::error title=x::y\u{1b}[2J\u{9b}\n.png";
        let rows = [
            row(hostile, Some(vec![2.0, 0.0]), None),
            row("::stop-commands::x", Some(vec![0.0, 2.0]), None),
        ];
        let classes = [hostile.to_owned(), "::warning::z".to_owned()];
        for text in [
            csv_of(&rows, &classes).unwrap(),
            json_lines_of(&rows, &classes).unwrap(),
        ] {
            assert!(
                text.lines()
                    .all(|line| !line.trim_start().starts_with("::"))
            );
            assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text}");
        }
        let json = json_lines_of(&rows, &classes).unwrap();
        let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        assert_eq!(first["file"], hostile);
        assert_eq!(first["student"]["prediction"], hostile);
        let csv = csv_of(&rows, &classes).unwrap();
        assert!(
            csv.contains(r"a\n::error title=x::y\u{1b}[2J\u{9b}\n.png,"),
            "{csv}"
        );
    }

    #[test]
    fn every_line_of_json_is_one_image() {
        let rows = [
            row("a.png", Some(vec![3.0, 0.0]), Some(vec![1.0, 0.0])),
            row("b.png", Some(vec![f32::NAN, 0.0]), None),
        ];
        let text = json_lines_of(&rows, &classes()).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["agree"], true);
        assert_eq!(lines[0]["student"]["top"][1]["class"], "dog");
        assert_eq!(lines[0]["student"]["logits"], serde_json::json!([3.0, 0.0]));
        assert_eq!(lines[1]["file"], "b.png");
        assert!(lines[1].get("student").is_none() && lines[1].get("agree").is_none());
    }
}
