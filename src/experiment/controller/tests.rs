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

fn feedback() -> Update {
    Update::Feedback {
        decay: default_decay(),
        w_min: default_w_min(),
        tolerance: default_tolerance(),
    }
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
    let losses: Vec<(f64, Option<f64>)> = losses.iter().map(|loss| (*loss, None)).collect();
    play_from(Knobs::start(), update, &losses)
}

/// What the gap rule decides after each round whose truth loss and validation loss
/// are given.
fn gap(rule: Gap, losses: &[(f64, f64)]) -> (Vec<Option<Decision>>, Knobs) {
    let losses: Vec<(f64, Option<f64>)> = losses
        .iter()
        .map(|(truth, valid)| (*truth, Some(*valid)))
        .collect();
    play_from(Knobs::start(), Update::Gap(rule), &losses)
}

fn play_from(
    mut knobs: Knobs,
    update: Update,
    losses: &[(f64, Option<f64>)],
) -> (Vec<Option<Decision>>, Knobs) {
    let controller = rule(update);
    let mut state = ControllerState::default();
    let mut decisions = Vec::new();
    for (i, (loss, valid_loss)) in losses.iter().enumerate() {
        let round = u32::try_from(i).unwrap() + 1;
        let decision = controller.decide(
            &mut state,
            &RoundSummary {
                round,
                rounds: E,
                epoch: f64::from(round),
                epochs: f64::from(E),
                mean_loss: &|_| *loss,
                valid_loss: *valid_loss,
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
        // A checkpoint after every round changes nothing.
        let text = serde_json::to_string(&state).unwrap();
        state = serde_json::from_str(&text).unwrap();
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
    let (decisions, knobs) = play(feedback(), &losses);
    assert_eq!(moved(&decisions), ["p1", "p1", "w", "p1", "p1", "p1"]);
    assert!((knobs.w - 0.81).abs() < 1e-12);
    assert!((knobs.p1 - 0.25).abs() < 1e-12);
}

#[test]
fn feedback_names_the_best_so_far_and_not_the_round_before() {
    let losses = [2.0, 1.5, 1.8, 1.6, 1.51, 1.2];
    let (decisions, _) = play(feedback(), &losses);
    let reasons: Vec<String> = decisions.into_iter().flatten().map(|d| d.reason).collect();
    assert_eq!(
        reasons,
        [
            "truth loss 2.000, the first round",
            "truth loss 1.500, better than the best so far (2.000)",
            "truth loss 1.800, worse than the best so far (1.500)",
            "truth loss 1.600, worse than the best so far (1.500)",
            "truth loss 1.510, within 1 % of the best so far (1.500)",
            "truth loss 1.200, better than the best so far (1.500)",
        ]
    );
}

#[test]
fn p2_is_always_one_step_of_p_max_over_e_above_p1() {
    let (decisions, _) = play(feedback(), &[2.0, 3.0, 2.0, 1.0]);
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
    let (decisions, knobs) = play(feedback(), &[1.0; 9]);
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
                valid_loss: None,
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
    let (decisions, _) = play(feedback(), &[1.0; 10]);
    assert!(decisions[8].is_some());
    assert!(decisions[9].is_none());
}

#[test]
fn a_loss_that_is_no_number_is_not_taken_for_coping() {
    let (decisions, _) = play(feedback(), &[1.0, f64::NAN, 1.0]);
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

fn reasons(decisions: &[Option<Decision>]) -> Vec<&str> {
    let decisions = decisions.iter().flatten();
    decisions.map(|decision| decision.reason.as_str()).collect()
}

/// Where p1 stood after each round.
fn p1_after(decisions: &[Option<Decision>]) -> Vec<f64> {
    let decisions = decisions.iter().flatten();
    decisions
        .map(|decision| {
            assert_eq!(decision.moved.knob, "p1");
            // Sums of steps.
            (decision.moved.to * 1e9).round() / 1e9
        })
        .collect()
}

#[test]
fn gap_raises_p1_below_the_validation_loss_and_lowers_it_above() {
    let losses = [(1.0, 1.3), (1.02, 1.31), (1.4, 1.3), (1.4, 1.3), (1.4, 1.3)];
    let (decisions, knobs) = gap(Gap::default(), &losses);
    assert_eq!(p1_after(&decisions), [0.05, 0.1, 0.05, 0.0, 0.0]);
    assert_eq!((knobs.p1, knobs.p2, knobs.w), (0.0, 0.05, 0.9));
    assert_eq!(
        reasons(&decisions)[1..],
        [
            "overfits, truth loss 1.020 < validation loss 1.310",
            "underfits, truth loss 1.400 > validation loss 1.300",
            "underfits, truth loss 1.400 > validation loss 1.300; p1 is at its limit, 0",
            "underfits, truth loss 1.400 > validation loss 1.300; p1 is at its limit, 0",
        ]
    );
    let compared = decisions[1].as_ref().unwrap().compared.unwrap();
    assert_eq!((compared.truth_loss, compared.valid_loss), (1.02, 1.31));
    assert_eq!(compared.finding, Finding::Overfits);
}

/// Why the rule is there: the truth loss falls as training goes along, whether the
/// student underfits or not.
#[test]
fn gap_sees_a_student_that_underfits_while_its_truth_loss_falls() {
    let falling: Vec<(f64, f64)> = (0..9)
        .map(|round| 2.0 - 0.1 * f64::from(round))
        .map(|loss| (loss, 0.8 * loss))
        .collect();
    let truth: Vec<f64> = falling.iter().map(|(truth, _)| *truth).collect();
    let (_, by_feedback) = play(feedback(), &truth);
    let (_, by_gap) = gap(Gap::default(), &falling);
    assert!((by_feedback.p1 - 0.45).abs() < 1e-9, "{}", by_feedback.p1);
    assert_eq!(by_gap.p1, 0.0);
}

#[test]
fn gap_can_lower_the_weight_instead_down_to_its_minimum() {
    let rule = Gap {
        when_underfitting: WhenUnderfitting::LowerWeight {
            decay: 0.5,
            w_min: 0.3,
        },
        ..Gap::default()
    };
    let losses = [(1.0, 1.3), (1.4, 1.3), (1.4, 1.3), (1.4, 1.3)];
    let (decisions, knobs) = gap(rule, &losses);
    assert_eq!(moved(&decisions), ["p1", "w", "w", "w"]);
    assert_eq!((knobs.p1, knobs.w), (0.05, 0.3));
    assert!(reasons(&decisions)[3].ends_with("; w is at its limit, w_min = 0.3"));
}

#[test]
fn a_weight_that_gap_does_not_lower_is_no_knob_of_the_controller() {
    let lowering = WhenUnderfitting::LowerWeight {
        decay: 0.9,
        w_min: 0.0,
    };
    let knobs = |when_underfitting| {
        let update = Update::Gap(Gap {
            when_underfitting,
            ..Gap::default()
        });
        rule(update).knobs().join(" ")
    };
    assert_eq!(knobs(WhenUnderfitting::StepBack), "p1 p2");
    assert_eq!(knobs(lowering), "p1 w p2");
}

#[test]
fn within_the_margin_nothing_moves() {
    let rule = Gap {
        margin: 0.1,
        ..Gap::default()
    };
    let (decisions, _) = gap(rule, &[(0.8, 1.0), (0.91, 1.0), (1.09, 1.0), (1.11, 1.0)]);
    assert_eq!(p1_after(&decisions), [0.05, 0.05, 0.05, 0.0]);
    assert_eq!(
        reasons(&decisions)[1],
        "truth loss 0.9100 is within 10 % of the validation loss, 1.000"
    );
    let compared = decisions[2].as_ref().unwrap().compared.unwrap();
    assert_eq!(compared.finding, Finding::WithinMargin);
}

#[test]
fn a_finding_must_repeat_itself_as_often_as_patience_says_and_again_after_a_move() {
    let rule = Gap {
        patience: 2,
        ..Gap::default()
    };
    let (low, high) = ((1.0, 1.3), (1.4, 1.3));
    let (decisions, _) = gap(rule, &[low, low, low, high, low, low, high, high]);
    let expected = [0.0, 0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.05];
    assert_eq!(p1_after(&decisions), expected);
    assert_eq!(
        reasons(&decisions)[0],
        "overfits, truth loss 1.000 < validation loss 1.300, round 1 of 2 in a row"
    );
    assert!(!reasons(&decisions)[1].contains("in a row"));
}

#[test]
fn both_losses_are_averaged_over_the_window() {
    let rule = Gap {
        window: 3,
        ..Gap::default()
    };
    // The third round alone would be underfitting, the mean of three is not.
    let losses = [(1.0, 1.3), (1.0, 1.3), (1.4, 1.3), (1.6, 1.3), (1.6, 1.3)];
    let (decisions, _) = gap(rule, &losses);
    assert_eq!(p1_after(&decisions), [0.05, 0.1, 0.15, 0.1, 0.05]);
    let compared = decisions[3].as_ref().unwrap().compared.unwrap();
    assert!((compared.truth_loss - 4.0 / 3.0).abs() < 1e-12);
    assert_eq!(compared.rounds, 3);
    assert_eq!(
        reasons(&decisions)[3],
        "underfits, truth loss 1.333 > validation loss 1.300 (means over 3 rounds)"
    );
}

#[test]
fn gap_decides_nothing_after_the_last_round_or_without_a_validation_loss() {
    let update = || Update::Gap(Gap::default());
    let (decisions, _) = gap(Gap::default(), &[(1.0, 1.3); 10]);
    assert!(decisions[8].is_some() && decisions[9].is_none());
    let (decisions, _) = play(update(), &[1.0, 1.0]);
    assert_eq!(decisions, [None, None]);
}

#[test]
fn what_older_programs_kept_is_read() {
    let state: ControllerState = serde_json::from_str(r#"{"best_truth_loss":1.5}"#).unwrap();
    assert_eq!(state.best_truth_loss, Some(1.5));
    assert_eq!(state.gap, GapState::default());
    let decision = r#"{"moved":{"knob":"p1","from":0.0,"to":0.1},"followed":[],"reason":"-"}"#;
    let read: Decision = serde_json::from_str(decision).unwrap();
    assert_eq!(read.compared, None);
    // And what they can read is what is written where nothing was compared.
    assert_eq!(serde_json::to_string(&read).unwrap(), decision);
}
