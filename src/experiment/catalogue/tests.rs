//! The table against serde: what each type accepts, and what it fills in.

use std::fmt::Debug;

use ron::extensions::Extensions;
use serde::de::value::{Error, U32Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer,
    VariantAccess, Visitor,
};

use super::{
    EXPERIMENT, Field, Holds, Shape, Type, Value, augmentation, data, experiment, methods, models,
    objective, schedules,
};
use crate::experiment::augment::{AutoAugmentPolicy, ErasedValue, Operation, Steer};
use crate::experiment::controller::{ScheduledKnob, SecondProbability, Update, WhenUnderfitting};
use crate::experiment::method::{
    CustomController, CustomTerm, CustomView, FeatureTerm, MethodSpec, TeacherViews, ViewImages,
};
use crate::experiment::metric::ValidMetric;
use crate::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};
use crate::experiment::objective::{ConsistencySpace, Divergence, TruthTarget};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{
    Bound, ChannelOrder, ClassNames, ClassOrder, ClassWeights, DataSpec, DeviceSpec, EarlyStopSpec,
    ExportSpec, FinishSpec, Gate, Head, InputNormalize, LibTorchDevice, NormalizeSpec, OnnxEngine,
    OptimizerSpec, Precision, RoundSpec, SamplerSpec, Scores, Source, Spec, StudentSpec,
    TeacherSpec, TeacherWeights, TruthLossSpec, UnlabelledSpec, ValidSpec,
};

/// What a type asked a deserializer for.
#[derive(Debug, Default, PartialEq)]
enum Asked {
    #[default]
    Value,
    Nothing,
    Fields(Vec<&'static str>),
    Variants(Vec<&'static str>),
    Values(usize),
}

/// Notes what it is requested and answers nothing, but a variant's number.
struct Probe<'a> {
    asked: &'a mut Asked,
    variant: Option<u32>,
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.asked = Asked::Fields(fields.to_vec());
        Err(Error::custom("a struct"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.variant.is_some() {
            return visitor.visit_enum(self);
        }
        *self.asked = Asked::Variants(variants.to_vec());
        Err(Error::custom("an enum"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Probe<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let number: U32Deserializer<Error> = self.variant.unwrap_or(0).into_deserializer();
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        *self.asked = Asked::Nothing;
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let mut inner = Asked::Value;
        let probe = Probe {
            asked: &mut inner,
            variant: None,
        };
        let answer = seed.deserialize(probe);
        *self.asked = match inner {
            Asked::Fields(fields) => Asked::Fields(fields),
            _ => Asked::Values(1),
        };
        answer
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, _: V) -> Result<V::Value, Error> {
        *self.asked = Asked::Values(length);
        Err(Error::custom("values"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.asked = Asked::Fields(fields.to_vec());
        Err(Error::custom("fields"))
    }
}

fn asked<T: DeserializeOwned>(variant: Option<u32>) -> Asked {
    let mut asked = Asked::Value;
    let probe = Probe {
        asked: &mut asked,
        variant,
    };
    _ = T::deserialize(probe);
    asked
}

fn names(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.name).collect()
}

/// A value of the least that must be written.
fn sample(value: Value) -> String {
    match value {
        Value::Number(_) => "1.0".to_owned(),
        Value::Whole(_) => "1".to_owned(),
        Value::Truth => "true".to_owned(),
        Value::Text(_) | Value::Metric | Value::Path(_) => "\"a\"".to_owned(),
        Value::Of(kind) => match kind.shape {
            Shape::Struct(fields) => format!("({})", samples(fields)),
            Shape::Enum(variants) => format!("{}{}", variants[0].name, held(variants[0].holds)),
        },
        Value::List(_) => "[]".to_owned(),
        Value::Tuple(values) => parenthesised(values),
        Value::Map(_) => "{}".to_owned(),
        Value::Optional(_) => "None".to_owned(),
    }
}

fn samples(fields: &[Field]) -> String {
    let needed = fields.iter().filter(|field| field.default.is_none());
    let written: Vec<String> = needed
        .map(|field| format!("{}: {},", field.name, sample(field.value)))
        .collect();
    written.concat()
}

fn parenthesised(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(|value| sample(*value)).collect();
    format!("({})", values.join(", "))
}

fn held(holds: Holds) -> String {
    match holds {
        Holds::Nothing => String::new(),
        Holds::Fields(fields) => format!("({})", samples(fields)),
        Holds::Values(values) => parenthesised(values),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    let options = ron::Options::default()
        .with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES | Extensions::IMPLICIT_SOME);
    options
        .from_str(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Every default that is named is the one that is filled in.
fn defaults_agree<T: DeserializeOwned + PartialEq + Debug>(name: &str, fields: &[Field]) {
    let least = samples(fields);
    let filled: T = read(&format!("{name}({least})"));
    for field in fields {
        if let Some(default) = field.default {
            let written = format!("{name}({least} {}: {default})", field.name);
            assert_eq!(read::<T>(&written), filled, "{written}");
        }
    }
}

fn agrees<T: DeserializeOwned + PartialEq + Debug>(kind: &Type) {
    match kind.shape {
        Shape::Struct(fields) => {
            assert_eq!(
                asked::<T>(None),
                Asked::Fields(names(fields)),
                "{}",
                kind.name
            );
            defaults_agree::<T>("", fields);
        }
        Shape::Enum(variants) => {
            let known = variants.iter().map(|variant| variant.name).collect();
            assert_eq!(asked::<T>(None), Asked::Variants(known), "{}", kind.name);
            for (number, variant) in (0..).zip(variants) {
                let expected = match variant.holds {
                    Holds::Nothing => Asked::Nothing,
                    Holds::Fields(fields) => Asked::Fields(names(fields)),
                    Holds::Values(values) => Asked::Values(values.len()),
                };
                let found = asked::<T>(Some(number));
                assert_eq!(found, expected, "{}::{}", kind.name, variant.name);
                read::<T>(&format!("{}{}", variant.name, held(variant.holds)));
                if let Holds::Fields(fields) = variant.holds {
                    defaults_agree::<T>(variant.name, fields);
                }
            }
        }
    }
    let path = std::any::type_name::<T>();
    if kind.name != "Experiment" {
        assert!(
            path.ends_with(&format!("::{}", kind.name)),
            "{path} is {}",
            kind.name
        );
    }
}

#[test]
fn the_table_names_what_serde_accepts_and_fills_in() {
    agrees::<Spec>(&EXPERIMENT);
    agrees::<Precision>(&experiment::PRECISION);
    agrees::<RoundSpec>(&experiment::ROUND);
    agrees::<SamplerSpec>(&experiment::SAMPLER);
    agrees::<ClassWeights>(&experiment::CLASS_WEIGHTS);
    agrees::<TruthLossSpec>(&experiment::TRUTH_LOSS);
    agrees::<EarlyStopSpec>(&experiment::EARLY_STOP);
    agrees::<ValidMetric>(&experiment::VALID_METRIC);
    agrees::<FinishSpec>(&experiment::FINISH);
    agrees::<ExportSpec>(&experiment::EXPORT);
    agrees::<Gate>(&experiment::GATE);
    agrees::<Bound>(&experiment::BOUND);
    agrees::<DataSpec>(&data::DATA);
    agrees::<Source>(&data::SOURCE);
    agrees::<ValidSpec>(&data::VALID);
    agrees::<UnlabelledSpec>(&data::UNLABELLED);
    agrees::<NormalizeSpec>(&data::NORMALIZE);
    agrees::<ClassOrder>(&data::ORDER);
    agrees::<TeacherSpec>(&models::TEACHER);
    agrees::<StudentSpec>(&models::STUDENT);
    agrees::<Head>(&models::HEAD);
    agrees::<TeacherWeights>(&models::TEACHER_WEIGHTS);
    agrees::<ClassNames>(&models::CLASS_NAMES);
    agrees::<ChannelOrder>(&models::CHANNELS);
    agrees::<OnnxEngine>(&models::ENGINE);
    agrees::<Scores>(&models::SCORES);
    agrees::<InputNormalize>(&models::INPUT_NORMALIZE);
    agrees::<Model>(&models::MODEL);
    agrees::<Stem>(&models::STEM);
    agrees::<MobileNetV3Variant>(&models::MOBILENET_V3);
    agrees::<EfficientNetVariant>(&models::EFFICIENTNET);
    agrees::<RegNetVariant>(&models::REGNET);
    agrees::<OptimizerSpec>(&models::OPTIMIZER);
    agrees::<DeviceSpec>(&models::DEVICE);
    agrees::<LibTorchDevice>(&models::LIBTORCH);
    agrees::<Schedule>(&schedules::SCHEDULE);
    agrees::<Operation>(&augmentation::OPERATION);
    agrees::<ErasedValue>(&augmentation::ERASED);
    agrees::<Steer>(&augmentation::STEER);
    agrees::<AutoAugmentPolicy>(&augmentation::POLICY);
    agrees::<MethodSpec>(&methods::METHOD);
    agrees::<CustomView>(&methods::VIEW);
    agrees::<CustomController>(&methods::CONTROLLER);
    agrees::<TeacherViews>(&methods::TEACHER_VIEWS);
    agrees::<ViewImages>(&methods::VIEW_IMAGES);
    agrees::<SecondProbability>(&methods::SECOND);
    agrees::<Divergence>(&objective::DIVERGENCE);
    agrees::<ConsistencySpace>(&objective::SPACE);
    agrees::<TruthTarget>(&objective::TRUTH);
    agrees::<Update>(&objective::UPDATE);
    agrees::<WhenUnderfitting>(&objective::WHEN_UNDERFITTING);
    agrees::<ScheduledKnob>(&objective::SCHEDULED);
    agrees::<CustomTerm>(&objective::TERM);
    agrees::<FeatureTerm>(&objective::FEATURES);
}

#[test]
fn every_line_is_a_sentence_that_fits_below_the_text() {
    fn check(fields: &[Field]) {
        for field in fields {
            assert!(field.help.ends_with('.'), "{}: {}", field.name, field.help);
            assert!(
                field.help.chars().count() <= 92,
                "{}: {}",
                field.name,
                field.help
            );
        }
    }
    let Shape::Struct(fields) = EXPERIMENT.shape else {
        panic!("an experiment has fields");
    };
    check(fields);
    for kind in [&models::TEACHER, &models::STUDENT] {
        let Shape::Struct(fields) = kind.shape else {
            panic!("{} has fields", kind.name);
        };
        check(fields);
    }
    for kind in [
        &methods::METHOD,
        &models::MODEL,
        &augmentation::OPERATION,
        &schedules::SCHEDULE,
    ] {
        let Shape::Enum(variants) = kind.shape else {
            panic!("{} has variants", kind.name);
        };
        for variant in variants {
            assert!(variant.help.ends_with('.'), "{}", variant.name);
            if let Holds::Fields(fields) = variant.holds {
                check(fields);
            }
        }
    }
}

#[test]
fn a_summary_has_type_range_and_default() {
    let Shape::Struct(fields) = EXPERIMENT.shape else {
        panic!("an experiment has fields");
    };
    let summary = |name: &str| {
        let field = fields.iter().find(|field| field.name == name).unwrap();
        field.summary()
    };
    assert_eq!(
        summary("batch"),
        "whole number in 1 to 65536, images, default 128"
    );
    assert_eq!(summary("data"), "data, required");
    assert_eq!(summary("ema"), "number in (0, 1), or None, default None");
}
