//! What is in one picture, and how it is painted.

use std::f32::consts::TAU;

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::outline::Shape;
use crate::data::augment::erase::gaussian_noise;
use crate::data::augment::to_level;
use crate::data::stream::between;

/// A colour, levels 0 to 255.
type Colour = [f32; 3];

/// Difference in luma between shape and background, levels, at difficulty 0
/// and 1. A person sees 50 without effort, above noise of this strength too.
const CONTRAST: (f32, f32) = (120.0, 50.0);
/// Standard deviation of the noise at difficulty 1, fraction of full scale.
const NOISE: f32 = 0.14;
/// Lines and blobs behind the shape at difficulty 1.
const LINES_BEHIND: f32 = 8.0;
const BLOBS: f32 = 5.0;
/// Lines across the shape at difficulty 1.
const LINES_BEFORE: f32 = 2.0;
/// How far clutter's colour goes from the background towards any other, at
/// most: it stays fainter than the shape.
const CLUTTER: (f32, f32) = (0.2, 0.5);
/// How far the gradient's end goes from its start towards any other colour, at
/// difficulty 1.
const GRADIENT: f32 = 0.4;
/// Radius of the shape's circle, fraction of the picture's side.
const RADIUS: (f32, f32) = (0.3, 0.46);
/// Half the width of a line, fraction of the picture's side.
const LINE: (f32, f32) = (0.01, 0.025);
/// Radius of a blob, fraction of the picture's side.
const BLOB: (f32, f32) = (0.06, 0.2);
/// Pixels are sampled on a grid of this side.
const SAMPLES: u8 = 4;
/// Tries for a colour that stands out, before black or white is taken.
const COLOUR_TRIES: usize = 32;

/// One picture, in units of its side: the corners are (0, 0) and (1, 1).
pub(super) struct Scene {
    from: Colour,
    to: Colour,
    /// Direction of the gradient, of length 1.
    towards: (f32, f32),
    behind: Vec<Mark>,
    shape: Shape,
    centre: (f32, f32),
    radius: f32,
    /// Sine and cosine of the shape's angle.
    turn: (f32, f32),
    colour: Colour,
    before: Vec<Mark>,
    noise: f32,
}

/// A piece of clutter.
struct Mark {
    form: Form,
    colour: Colour,
}

enum Form {
    /// A segment between two points, with round ends.
    Line {
        from: (f32, f32),
        to: (f32, f32),
        half_width: f32,
    },
    /// A disc that fades towards its rim.
    Blob { centre: (f32, f32), radius: f32 },
}

impl Scene {
    /// Draws everything but the noise.
    pub(super) fn draw(shape: Shape, difficulty: f32, rng: &mut ChaCha8Rng) -> Self {
        let difficulty = difficulty.clamp(0.0, 1.0);
        let from = any_colour(rng);
        let to = mix(from, any_colour(rng), GRADIENT * difficulty);
        let contrast = CONTRAST.0 + difficulty * (CONTRAST.1 - CONTRAST.0);
        let radius = between(rng, RADIUS.0, RADIUS.1);
        let mut place = || between(rng, radius, 1.0 - radius);
        let centre = (place(), place());
        let many = |most: f32| (difficulty * most).round() as usize;
        let mut behind: Vec<Mark> = (0..many(BLOBS)).map(|_| Mark::blob(from, rng)).collect();
        behind.extend((0..many(LINES_BEHIND)).map(|_| Mark::line(from, rng)));
        Self {
            from,
            to,
            towards: direction(rng),
            behind,
            shape,
            centre,
            radius,
            turn: direction(rng),
            colour: standing_out([from, to], contrast, rng),
            before: (0..many(LINES_BEFORE))
                .map(|_| Mark::line(from, rng))
                .collect(),
            noise: NOISE * difficulty,
        }
    }

    /// Paints the scene, `side` × `side` pixels; the noise is drawn here.
    pub(super) fn render(&self, side: u32, rng: &mut ChaCha8Rng) -> RgbImage {
        let pixel = 1.0 / side as f32;
        let mut image = RgbImage::from_fn(side, side, |column, row| {
            let (x, y) = ((column as f32 + 0.5) * pixel, (row as f32 + 0.5) * pixel);
            let mut colour = self.background(x, y);
            for mark in &self.behind {
                colour = mix(colour, mark.colour, mark.coverage(x, y, pixel));
            }
            colour = mix(colour, self.colour, self.coverage(x, y, pixel));
            for mark in &self.before {
                colour = mix(colour, mark.colour, mark.coverage(x, y, pixel));
            }
            image::Rgb(colour.map(to_level))
        });
        gaussian_noise(&mut image, self.noise, rng);
        image
    }

    fn background(&self, x: f32, y: f32) -> Colour {
        let along = (x - 0.5) * self.towards.0 + (y - 0.5) * self.towards.1;
        // The diagonal is the longest way across.
        mix(self.from, self.to, along / std::f32::consts::SQRT_2 + 0.5)
    }

    /// The part of the pixel around (x, y) that the shape covers.
    fn coverage(&self, x: f32, y: f32, pixel: f32) -> f32 {
        let (right, down) = (x - self.centre.0, y - self.centre.1);
        if length(right, down) > self.radius + pixel {
            return 0.0;
        }
        let (sine, cosine) = self.turn;
        let offset = |sample: u8| pixel * ((f32::from(sample) + 0.5) / f32::from(SAMPLES) - 0.5);
        let mut inside = 0_u8;
        for sample in 0..SAMPLES * SAMPLES {
            let right = (right + offset(sample % SAMPLES)) / self.radius;
            let down = (down + offset(sample / SAMPLES)) / self.radius;
            let (x, y) = (cosine * right + sine * down, cosine * down - sine * right);
            inside += u8::from(self.shape.contains(x, y));
        }
        f32::from(inside) / f32::from(SAMPLES * SAMPLES)
    }
}

impl Mark {
    fn line(background: Colour, rng: &mut ChaCha8Rng) -> Self {
        let mut point = || (rng.random::<f32>(), rng.random::<f32>());
        let (from, to) = (point(), point());
        let half_width = between(rng, LINE.0, LINE.1);
        Self {
            form: Form::Line {
                from,
                to,
                half_width,
            },
            colour: clutter_colour(background, rng),
        }
    }

    fn blob(background: Colour, rng: &mut ChaCha8Rng) -> Self {
        let centre = (rng.random(), rng.random());
        let radius = between(rng, BLOB.0, BLOB.1);
        Self {
            form: Form::Blob { centre, radius },
            colour: clutter_colour(background, rng),
        }
    }

    /// How much of the pixel at (x, y) the mark hides, 0 to 1.
    fn coverage(&self, x: f32, y: f32, pixel: f32) -> f32 {
        match self.form {
            Form::Line {
                from,
                to,
                half_width,
            } => {
                let distance = distance_to_segment((x, y), from, to);
                ((half_width - distance) / pixel + 0.5).clamp(0.0, 1.0)
            }
            Form::Blob { centre, radius } => {
                let distance = length(x - centre.0, y - centre.1) / radius;
                (1.0 - distance * distance).max(0.0)
            }
        }
    }
}

fn distance_to_segment(point: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (right, down) = (to.0 - from.0, to.1 - from.1);
    let squared = right * right + down * down;
    let along = (point.0 - from.0) * right + (point.1 - from.1) * down;
    // Two ends in one place are a point.
    let share = if squared > 0.0 {
        (along / squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    length(
        point.0 - from.0 - share * right,
        point.1 - from.1 - share * down,
    )
}

/// Without the care that `hypot` takes of overflow, which costs a call.
fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// Sine and cosine of any angle.
fn direction(rng: &mut ChaCha8Rng) -> (f32, f32) {
    between(rng, 0.0, TAU).sin_cos()
}

fn any_colour(rng: &mut ChaCha8Rng) -> Colour {
    std::array::from_fn(|_| between(rng, 0.0, 255.0))
}

fn clutter_colour(background: Colour, rng: &mut ChaCha8Rng) -> Colour {
    let share = between(rng, CLUTTER.0, CLUTTER.1);
    mix(background, any_colour(rng), share)
}

/// A colour whose luma is at least `contrast` away from that of each of the
/// others, on either side.
fn standing_out(others: [Colour; 2], contrast: f32, rng: &mut ChaCha8Rng) -> Colour {
    let distance = |colour: Colour| {
        others
            .iter()
            .map(|&other| (luma(colour) - luma(other)).abs())
            .fold(f32::INFINITY, f32::min)
    };
    for _ in 0..COLOUR_TRIES {
        let colour = any_colour(rng);
        if distance(colour) >= contrast {
            return colour;
        }
    }
    let (black, white) = ([0.0; 3], [255.0; 3]);
    if distance(black) > distance(white) {
        black
    } else {
        white
    }
}

/// ITU-R 601-2.
fn luma([red, green, blue]: Colour) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

fn mix(first: Colour, second: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| first[channel] + share * (second[channel] - first[channel]))
}
