use super::labels::{Place, placed};
use super::*;
use crate::event::{PixelFormat, Split, Variant};
use crate::listing::pareto::{Absent, TeacherLine};
use crate::listing::{ParetoCost, ParetoPoint};

fn point(run: &str, variant: Variant, cost: f64, top1: f64, on_front: bool) -> ParetoPoint {
    ParetoPoint {
        run: run.to_owned(),
        variant,
        input: Some(PixelFormat::Float),
        cost,
        top1,
        on_front,
        engine: Some("rten 0.27".to_owned()),
    }
}

fn picture() -> Pareto {
    let small = "small-20260102-101500-a1b2c3";
    Pareto {
        cost: ParetoCost::Latency(Some("Xeon <E5>".to_owned())),
        split: Split::Valid,
        points: vec![
            point(small, Variant::Int8, 1.1, 0.871, true),
            point(small, Variant::Fp32, 2.2, 0.884, true),
            point(
                "wide-20260102-101501-000001",
                Variant::Fp32,
                3.0,
                0.86,
                false,
            ),
            point(
                "wide-20260102-101502-000002",
                Variant::Fp32,
                3.1,
                0.905,
                true,
            ),
        ],
        teachers: vec![TeacherLine {
            name: "ResNet 18".to_owned(),
            top1: 0.93,
            of: None,
        }],
        absent: vec![Absent {
            run: "big".to_owned(),
            reason: "not measured".to_owned(),
        }],
        other_images: Vec::new(),
    }
}

#[test]
fn a_picture_is_read_by_eye_and_aloud() {
    insta::assert_snapshot!("pareto_svg", svg(&picture()));
    insta::assert_snapshot!("pareto_table", table(&picture()));
}

#[test]
fn points_in_one_place_have_one_label_and_each_is_on_the_front() {
    let mut picture = picture();
    let twin = point(
        "twin-20260102-101503-000003",
        Variant::Fp32,
        3.1,
        0.905,
        true,
    );
    picture.points.push(twin);
    let drawn = svg(&picture);
    assert!(drawn.contains(">wide 000002, twin</text>"), "{drawn}");
    assert!(!drawn.contains(">twin</text>"), "{drawn}");
    assert!(!drawn.contains("points without a label"), "{drawn}");
    let both = "<title>wide 000002, twin: 90.5 %";
    assert_eq!(drawn.matches(both).count(), 2, "{drawn}");
}

#[test]
fn names_are_as_short_as_they_stay_distinct() {
    let expected = ["small int8", "small", "wide 000001", "wide 000002"];
    assert_eq!(labels::names(&picture().points), expected);
}

#[test]
fn labels_lie_on_nothing_and_in_a_crowd_some_are_left_out() {
    let within = Place {
        left: 0.0,
        top: 0.0,
        right: 400.0,
        bottom: 300.0,
    };
    for (count, apart) in [(5, 60.0), (12, 14.0), (60, 1.0)] {
        let points: Vec<((f64, f64), String)> = (0..count)
            .map(|at| {
                let at_x = 50.0 + f64::from(at) * apart;
                ((at_x.min(390.0), 150.0), format!("student {at}"))
            })
            .collect();
        let taken = [Place::of_text("teacher", 300.0, 20.0)];
        let labels = placed(&points, &within, &taken, &[]);
        for (at, label) in labels.iter().enumerate() {
            let others = labels[..at].iter().map(|other| &other.place).chain(&taken);
            for other in others {
                assert!(!label.place.meets(other), "{label:?} on {other:?}");
            }
            assert!(label.place.left >= 0.0 && label.place.right <= 400.0);
        }
        assert!(!labels.is_empty());
        assert!(count > 12 || labels.len() == points.len(), "{count}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let mut picture = picture();
    picture.points[0].run = "</text><script>\u{1b}[2J&".to_owned();
    let drawn = svg(&picture);
    assert!(!drawn.contains("<script") && !drawn.contains('\u{1b}'));
}
