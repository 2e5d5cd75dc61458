//! The growth of every container as one picture: a panel each, both axes
//! logarithmic, ours a line and the counterpart a dashed one.

use std::fmt::Write;

use super::{Growth, median};

const COLUMNS: usize = 3;
/// Of one panel, its labels included.
const WIDTH: f64 = 350.0;
const HEIGHT: f64 = 240.0;
/// Around the axes.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 40.0;

const OURS: &str = "#1f5fbf";
const THEIRS: &str = "#8a8a8a";

/// The picture, as SVG.
#[must_use]
pub fn plot(growths: &[Growth]) -> String {
    let columns = growths.len().clamp(1, COLUMNS);
    let (width, height) = (
        columns as f64 * WIDTH,
        growths.len().div_ceil(columns) as f64 * HEIGHT,
    );
    let mut svg = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>"
    );
    for (place, growth) in growths.iter().enumerate() {
        let x = (place % columns) as f64 * WIDTH;
        let y = (place / columns) as f64 * HEIGHT;
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel(&mut svg, growth);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// A logarithmic scale from numbers to places on the picture.
struct Scale {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn place(&self, value: f64) -> f64 {
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        self.from + part * (self.to - self.from)
    }
}

fn panel(svg: &mut String, growth: &Growth) {
    let ours: Vec<f64> = growth.ours.iter().map(|s| median(s)).collect();
    let theirs: Vec<f64> = growth.theirs.iter().map(|s| median(s)).collect();
    let (least, most) = decades(ours.iter().chain(&theirs).copied());
    let across = Scale {
        least: growth.sizes.first().map_or(1.0, |size| *size as f64),
        most: growth.sizes.last().map_or(10.0, |size| *size as f64),
        from: LEFT,
        to: WIDTH - RIGHT,
    };
    let up = Scale {
        least,
        most,
        from: HEIGHT - BOTTOM,
        to: TOP,
    };
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{LEFT}\" y=\"32\" fill=\"{OURS}\">hivework</text>\n\
         <text x=\"{}\" y=\"32\" fill=\"{THEIRS}\">– – {}</text>\n\
         <text x=\"{}\" y=\"32\" text-anchor=\"end\">relative growth {:.2}</text>",
        growth.name.trim_start_matches("growth of "),
        LEFT + 60.0,
        growth.counterpart,
        WIDTH - RIGHT,
        growth.relative(),
    );
    grid(svg, growth, &across, &up);
    for (values, colour, dashes) in [
        (&theirs, THEIRS, " stroke-dasharray=\"5 3\""),
        (&ours, OURS, ""),
    ] {
        line(svg, &growth.sizes, values, (&across, &up), colour, dashes);
    }
}

/// The powers of ten around `values`.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| *value > 0.0) {
        least = least.min(value);
        most = most.max(value);
    }
    if least > most {
        return (1.0, 10.0);
    }
    let below = least.log10().floor();
    let above = most.log10().ceil().max(below + 1.0);
    (10_f64.powf(below), 10_f64.powf(above))
}

fn grid(svg: &mut String, growth: &Growth, across: &Scale, up: &Scale) {
    let mut value = up.least;
    while value <= up.most * 1.01 {
        let y = up.place(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            across.from,
            across.to,
            across.from - 6.0,
            y + 4.0,
        );
        value *= 10.0;
    }
    for size in &growth.sizes {
        let x = across.place(*size as f64);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            up.from,
            up.to,
            up.from + 15.0,
            short(*size),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">elements</text>\n\
         <text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">\
         ns per operation</text>",
        (across.from + across.to) / 2.0,
        up.from + 31.0,
        (up.from + up.to) / 2.0,
    );
}

fn line(
    svg: &mut String,
    sizes: &[usize],
    values: &[f64],
    (across, up): (&Scale, &Scale),
    colour: &str,
    dashes: &str,
) {
    let places: Vec<(f64, f64)> = sizes
        .iter()
        .zip(values)
        .filter(|(_, value)| **value > 0.0)
        .map(|(size, value)| (across.place(*size as f64), up.place(*value)))
        .collect();
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
        points.join(" "),
    );
    for (x, y) in places {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        );
    }
}

/// A size in as few characters as a label has room for.
fn short(size: usize) -> String {
    match size {
        n if n >= 1_000_000 && n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n if n >= 1000 && n % 1000 == 0 => format!("{}k", n / 1000),
        n => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_whole_decades() {
        let (least, most) = decades([3.0, 47.0, 0.0].into_iter());
        assert!((least - 1.0).abs() < 1e-9 && (most - 100.0).abs() < 1e-9);
        let (least, most) = decades([10.0].into_iter());
        assert!((least - 10.0).abs() < 1e-9 && (most - 100.0).abs() < 1e-9);
        assert_eq!(decades([].into_iter()), (1.0, 10.0));
    }

    #[test]
    fn sizes_are_told_in_short() {
        assert_eq!(
            [999, 1000, 100_000, 1_000_000].map(short),
            ["999", "1k", "100k", "1M"]
        );
    }
}
