use super::*;

const E: u32 = 10;

fn rule(update: Update) -> Controller {
    Controller::AdaptiveAugmentation(AdaptiveAugmentationRule {
        first: "p1".to_owned(),
        second: vec!["p2".to_owned()],
        weight: "w".to_owned(),
        truth: "truth".to_owned(),
        p_max: 0.5,
        p2_rule: SecondProbability::EqualSteps,
        update,
    })
}

struct Knobs {
    p1: f64,
    p2: f64,
    w: f64,
}

impl Knobs {
    fn start() -> Self {
        Self {
            p1: 0.0,
            p2: 0.05,
            w: 0.9,
        }
    }

    fn apply(&mut self, decision: &Decision) {
        for change in std::iter::once(&decision.moved).chain(&decision.followed) {
            match change.knob.as_str() {
                "p1" => self.p1 = change.to,
                "p2" => self.p2 = change.to,
                _ => self.w = change.to,
            }
        }
    }
}

/// What is decided after each round whose truth loss is given.
fn play(update: Update, losses: &[f64]) -> (Vec<Option<Decision>>, Knobs) {
    let controller = rule(update);
    let mut state = ControllerState::default();
    let mut knobs = Knobs::start();
    let mut decisions = Vec::new();
    for (i, loss) in losses.iter().enumerate() {
        let round = u32::try_from(i).unwrap() + 1;
        let decision = controller.decide(
            &mut state,
            &RoundSummary {
                round,
                rounds: E,
                epoch: f64::from(round),
                epochs: f64::from(E),
                mean_loss: &|_| *loss,
                knob: &|name| match name {
                    "p1" => knobs.p1,
                    "p2" => knobs.p2,
                    _ => knobs.w,
                },
            },
        );
        if let Some(decision) = &decision {
            knobs.apply(decision);
        }
        decisions.push(decision);
    }
    (decisions, knobs)
}

fn moved(decisions: &[Option<Decision>]) -> Vec<&str> {
    decisions
        .iter()
        .map(|decision| decision.as_ref().map_or("-", |d| d.moved.knob.as_str()))
        .collect()
}

#[test]
fn feedback_moves_p1_while_the_truth_loss_improves_and_w_when_it_does_not() {
    let losses = [2.0, 1.5, 1.6, 1.5, 1.514, 1.0];
    let (decisions, knobs) = play(Update::default(), &losses);
    assert_eq!(moved(&decisions), ["p1", "p1", "w", "p1", "p1", "p1"]);
    assert!((knobs.w - 0.81).abs() < 1e-12);
    assert!((knobs.p1 - 0.25).abs() < 1e-12);
}

#[test]
fn p2_is_always_one_step_of_p_max_over_e_above_p1() {
    let (decisions, _) = play(Update::default(), &[2.0, 3.0, 2.0, 1.0]);
    let (mut p1, mut p2) = (0.0, 0.05);
    for decision in decisions.into_iter().flatten() {
        for change in std::iter::once(&decision.moved).chain(&decision.followed) {
            match change.knob.as_str() {
                "p1" => p1 = change.to,
                "p2" => p2 = change.to,
                _ => {}
            }
        }
        assert!((p2 - (p1 + 0.5 / f64::from(E))).abs() < 1e-12);
    }
}

#[test]
fn p1_and_p2_stop_at_p_max() {
    let losses = vec![1.0; 9];
    let controller_rule = SecondProbability::EqualSteps;
    assert_eq!(controller_rule.value(0.48, 0.5, E), 0.5);
    assert_eq!(controller_rule.value(0.5, 0.5, E), 0.5);
    assert_eq!(controller_rule.value(0.0, 0.5, 0), 0.5);
    let (decisions, knobs) = play(Update::default(), &losses);
    assert!(decisions.iter().all(Option::is_some));
    assert!(knobs.p1 <= 0.5 && knobs.p2 <= 0.5);
}

#[test]
fn a_probability_that_is_brought_to_p_max_is_reported_at_its_limit() {
    // A person has raised p1 above p_max.
    let update = Update::Feedback {
        decay: 0.9,
        w_min: 0.0,
        tolerance: 0.0,
    };
    let decision = rule(update)
        .decide(
            &mut ControllerState::default(),
            &RoundSummary {
                round: 1,
                rounds: E,
                epoch: 1.0,
                epochs: f64::from(E),
                mean_loss: &|_| 1.0,
                knob: &|name| if name == "w" { 0.9 } else { 0.8 },
            },
        )
        .unwrap();
    assert_eq!((decision.moved.from, decision.moved.to), (0.8, 0.5));
    assert!(
        decision
            .reason
            .ends_with("; p1 and p2 are at their limit, p_max = 0.5"),
        "{}",
        decision.reason
    );
}

#[test]
fn w_stops_at_w_min_and_says_so() {
    let update = Update::Feedback {
        decay: 0.5,
        w_min: 0.3,
        tolerance: 0.0,
    };
    let (decisions, knobs) = play(update, &[1.0, 2.0, 2.0, 2.0]);
    assert_eq!(knobs.w, 0.3);
    let last = decisions[3].as_ref().unwrap();
    assert_eq!(last.moved.from, last.moved.to);
    assert!(
        last.reason.ends_with("; w is at its limit, w_min = 0.3"),
        "{}",
        last.reason
    );
}

#[test]
fn a_w_that_is_below_w_min_stays_and_the_reason_is_shown() {
    let update = Update::Feedback {
        decay: 0.5,
        w_min: 0.95,
        tolerance: 0.0,
    };
    let (decisions, knobs) = play(update, &[1.0, 2.0]);
    assert_eq!(knobs.w, 0.9);
    let last = decisions[1].as_ref().unwrap();
    assert_eq!(
        last.moved.words(|value| value.to_string()),
        "w stays at 0.9"
    );
    assert!(
        last.reason
            .ends_with("; w is below its limit already, w_min = 0.95"),
        "{}",
        last.reason
    );
    let moved = &decisions[0].as_ref().unwrap().moved;
    assert_eq!(moved.words(|value| value.to_string()), "p1 0 → 0.05");
}

#[test]
fn nothing_moves_after_the_last_round() {
    let (decisions, _) = play(Update::default(), &[1.0; 10]);
    assert!(decisions[8].is_some());
    assert!(decisions[9].is_none());
}

#[test]
fn a_loss_that_is_no_number_is_not_taken_for_coping() {
    let (decisions, _) = play(Update::default(), &[1.0, f64::NAN, 1.0]);
    assert_eq!(moved(&decisions), ["p1", "w", "p1"]);
}

#[test]
fn a_scheduled_p1_leaves_w_alone() {
    let line = Schedule::Linear {
        from: 0.0,
        to: 0.5,
        epochs: None,
    };
    let update = Update::Scheduled(ScheduledKnob::P1(line));
    let (decisions, knobs) = play(update, &[1.0, 9.0, 1.0, 9.0, 1.0, 9.0]);
    assert_eq!(moved(&decisions), ["p1"; 6]);
    assert_eq!(knobs.w, 0.9);
    assert_eq!(knobs.p1, 0.3);
    assert_eq!(knobs.p2, 0.35);
    let reasons = decisions.iter().flatten().map(|decision| &decision.reason);
    assert!(
        reasons
            .into_iter()
            .all(|reason| reason == "p1 follows its schedule")
    );
}

#[test]
fn a_scheduled_w_leaves_p1_alone() {
    let update = Update::Scheduled(ScheduledKnob::W(Schedule::Exponential {
        from: 1.0,
        decay: 0.5,
    }));
    let (decisions, knobs) = play(update, &[1.0, 9.0]);
    assert_eq!(moved(&decisions), ["w"; 2]);
    assert!(decisions.iter().flatten().all(|d| d.followed.is_empty()));
    assert_eq!(knobs.w, 0.25);
    assert_eq!(knobs.p1, 0.0);
}
