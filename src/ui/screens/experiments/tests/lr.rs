//! The range test of a learning rate: asked for, watched, stopped, and written.

use insta::assert_snapshot;

use super::{QUICKSTART, World, path};
use crate::experiment::lr_range::{LrCurve, LrEnd, LrPoint, LrRange};
use crate::ui::effect::Effect;
use crate::ui::news::{LrTestNews, News};

/// Steps of a student whose loss falls at about 0.03 and rises after 1.
fn points() -> Vec<LrPoint> {
    let range = LrRange::default();
    let steps = 0..range.steps;
    let points = steps.map(|step| {
        let lr = range.lr(step);
        let fall = 1.0 / (1.0 + (0.03 / lr).powi(2));
        let noise = if step % 2 == 0 { 0.01 } else { -0.01 };
        let loss = 2.3 - 0.9 * fall + (lr - 1.0).max(0.0) + noise;
        LrPoint { lr, loss }
    });
    points.collect()
}

fn ended(end: LrEnd) -> LrTestNews {
    let points = points();
    LrTestNews::Ended(Ok(LrCurve { points, end }))
}

fn two(size: (u16, u16)) -> World {
    World::new(size, &[("a.ron", QUICKSTART), ("b.ron", QUICKSTART)])
}

impl World {
    /// What is new of the test that was asked for last.
    fn lr_test(&mut self, news: LrTestNews) -> &mut Self {
        let asked = self.asked.iter().rev();
        let test = asked.into_iter().find_map(|effect| match effect {
            Effect::FindLr { test, .. } => Some(*test),
            _ => None,
        });
        let test = test.unwrap();
        self.screen.news(News::LrTest { test, news });
        self.answer();
        self
    }

    fn tests(&self) -> usize {
        let is_one = |effect: &&Effect| matches!(effect, Effect::FindLr { .. });
        self.asked.iter().filter(is_one).count()
    }
}

#[test]
fn a_test_is_watched_from_its_teacher_to_what_it_proposes() {
    for size in [(80, 24), (140, 40)] {
        let mut world = two(size);
        world.keys(&["f"]);
        let [
            Effect::FindLr {
                test: 0,
                path: of,
                text,
            },
        ] = &world.asked[..]
        else {
            panic!("{:?}", world.asked);
        };
        assert_eq!((of, text.as_str()), (&path("a.ron"), QUICKSTART));
        let words = "training the teacher, step 42 of 84".to_owned();
        world.lr_test(LrTestNews::Prepares(words));
        let (width, height) = size;
        assert_snapshot!(format!("lr_teacher_{width}x{height}"), world.screen());
        for point in points().into_iter().take(60) {
            world.lr_test(LrTestNews::Step(point));
        }
        assert_snapshot!(format!("lr_steps_{width}x{height}"), world.screen());
        // It stays where it is while something else is looked at.
        world.keys(&["esc", "down"]);
        assert!(!world.shows("step 60 of 100"));
        world.lr_test(ended(LrEnd::Completed));
        assert!(world.shows("a: the learning rate test proposes 0."));
        world.keys(&["up", "f"]);
        assert_snapshot!(format!("lr_ended_{width}x{height}"), world.screen());
        assert_eq!(world.tests(), 1);
        world.keys(&["f"]);
        assert_eq!(world.tests(), 2);
    }
}

#[test]
fn what_is_proposed_is_an_edit_that_is_undone_and_saved_as_others_are() {
    let mut world = two((140, 40));
    world
        .keys(&["f"])
        .lr_test(ended(LrEnd::Diverged))
        .keys(&["w"]);
    assert!(world.shows("lr is cosine 0.0"), "{}", world.screen());
    assert!(world.shows("the teacher had the same and keeps it"));
    assert_snapshot!("lr_written_140x40", world.screen());
    assert_eq!(world.files[&path("a.ron")], QUICKSTART);
    world.keys(&["ctrl+u"]);
    assert!(!world.shows("not saved"));
    world.keys(&["ctrl+y", "ctrl+s"]);
    let text = &world.files[&path("a.ron")];
    let changed = text.lines().zip(QUICKSTART.lines());
    let changed: Vec<(&str, &str)> = changed.filter(|(a, b)| a != b).collect();
    assert_eq!(text.lines().count(), QUICKSTART.lines().count());
    assert_eq!(changed.len(), 2, "{changed:?}");
    // Of another text another test is made.
    world.keys(&["esc", "f"]);
    assert_eq!(world.tests(), 2);
}

#[test]
fn a_file_without_a_learning_rate_gets_the_default_one_at_another_height() {
    let lr = QUICKSTART
        .lines()
        .find(|line| line.trim().starts_with("lr:"));
    let without = QUICKSTART.replace(lr.unwrap(), "");
    let mut world = World::new((140, 40), &[("a.ron", without.as_str())]);
    world
        .keys(&["f"])
        .lr_test(ended(LrEnd::Completed))
        .keys(&["w", "ctrl+s"]);
    let text = &world.files[&path("a.ron")];
    let written = text.lines().find(|line| line.trim().starts_with("lr:"));
    assert!(
        written.is_some_and(|line| line.contains("Cosine(from: 0.0")),
        "{text}"
    );
}

#[test]
fn one_test_runs_at_a_time_and_is_stopped_by_its_key_or_with_its_file() {
    let mut world = two((140, 40));
    world.keys(&["f", "esc", "down", "f"]);
    assert!(world.shows("the learning rate test of a is running; x there stops it"));
    assert_eq!(world.tests(), 1);
    // Leaving says what becomes of it.
    world.keys(&["q"]);
    assert!(world.shows("The learning rate test of a is running and is lost."));
    world.keys(&["n", "up", "f", "x"]);
    assert_eq!(world.asked.last(), Some(&Effect::StopLrTest));
    assert!(world.shows("stopping"));
    world.lr_test(LrTestNews::Ended(Ok(LrCurve::without_steps())));
    let screen = world.screen();
    assert!(
        screen.contains("ended        stopped before the first step") && !screen.contains("failed"),
        "{screen}"
    );
    assert!(!screen.contains("--lr-from"), "{screen}");
    // What the panel says takes the place of no hint.
    assert!(screen.contains("repeat"), "{screen}");
    world.keys(&["w"]);
    assert!(world.shows("no learning rate is proposed"));
    world.keys(&["x"]);
    assert!(world.shows("no learning rate test is running"));
    world.keys(&["f"]);
    assert_eq!(world.tests(), 2);
    world.asked.clear();
    world.files.remove(&path("a.ron"));
    world.list();
    assert_eq!(world.asked, [Effect::StopLrTest]);
    assert!(world.shows("a is no longer there: its learning rate test was stopped"));
    // What still comes of it is nobody's.
    let ended = ended(LrEnd::Completed);
    world.screen.news(News::LrTest {
        test: 1,
        news: ended,
    });
    assert!(!world.shows("proposes"));
}

#[test]
fn an_experiment_with_errors_is_not_tested() {
    let wrong = QUICKSTART.replace("epochs: ", "epoch: ");
    let mut world = World::new((140, 40), &[("a.ron", wrong.as_str())]);
    world.keys(&["f"]);
    assert!(world.shows("cannot test: line "), "{}", world.screen());
    assert_eq!(world.tests(), 0);
    // What the palette asks for where there is nothing says so.
    world.keys(&[":"]).text("proposed\n");
    assert!(
        world.shows("no learning rate is proposed here; f tests some"),
        "{}",
        world.screen()
    );
}
