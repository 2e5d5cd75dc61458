//! Pictures as SVG, panel by panel: lines over a logarithmic scale of times, or bars.

use std::fmt::Write;

const COLUMNS: usize = 3;
/// Of one panel, its labels included.
const WIDTH: f64 = 350.0;
const HEIGHT: f64 = 240.0;
/// Around the axes.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 40.0;

/// Ours first, then the peers.
const COLOURS: [&str; 6] = [
    "#1f5fbf", "#8a8a8a", "#c8502a", "#3b8f4b", "#8b5bb0", "#b08d1e",
];

/// One picture of many.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// What is along the lower edge, and at each place of it.
    pub(crate) across: &'static str,
    pub(crate) places: Vec<String>,
    /// What the values are.
    pub(crate) up: &'static str,
    /// How they are drawn.
    pub(crate) kind: Kind,
    /// Names, with a value for each place; ours first.
    pub(crate) series: Vec<(String, Vec<f64>)>,
}

/// How a panel's values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From place to place, on a logarithmic scale.
    Lines,
    /// Side by side at each place, from zero.
    Bars,
}

/// All panels on one sheet.
pub(crate) fn sheet(panels: &[Panel]) -> String {
    let columns = panels.len().clamp(1, COLUMNS);
    let (width, height) = (
        columns as f64 * WIDTH,
        panels.len().div_ceil(columns) as f64 * HEIGHT,
    );
    let mut svg = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>"
    );
    for (place, panel) in panels.iter().enumerate() {
        let x = (place % columns) as f64 * WIDTH;
        let y = (place / columns) as f64 * HEIGHT;
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        panel.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// From values to heights on the picture.
struct Scale {
    least: f64,
    most: f64,
    kind: Kind,
}

impl Scale {
    fn of(panel: &Panel) -> Self {
        let values = panel.series.iter().flat_map(|(_, values)| values).copied();
        let (least, most) = match panel.kind {
            Kind::Lines => decades(values),
            Kind::Bars => (0.0, values.fold(1.0, f64::max).ceil()),
        };
        Scale {
            least,
            most,
            kind: panel.kind,
        }
    }

    fn height(&self, value: f64) -> f64 {
        let part = match self.kind {
            Kind::Lines => (value / self.least).ln() / (self.most / self.least).ln(),
            Kind::Bars => value / self.most,
        };
        HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)
    }

    /// Where lines are drawn across.
    fn marks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Lines => {
                let mut marks = vec![self.least];
                while let Some(last) = marks.last().filter(|last| **last < self.most * 0.99) {
                    marks.push(last * 10.0);
                }
                marks
            }
            Kind::Bars => {
                let halves = (2.0 * self.most) as usize;
                (0..=halves).map(|half| half as f64 / 2.0).collect()
            }
        }
    }
}

impl Panel {
    fn draw(&self, svg: &mut String) {
        let scale = Scale::of(self);
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>",
            self.title
        );
        self.legend(svg);
        self.grid(svg, &scale);
        // Ours last, on top of the others.
        for (number, (_, values)) in self.series.iter().enumerate().rev() {
            let colour = COLOURS[number % COLOURS.len()];
            match self.kind {
                Kind::Lines => self.line(svg, values, &scale, colour, number > 0),
                Kind::Bars => self.bars(svg, values, &scale, colour, number),
            }
        }
    }

    /// The names, three a row.
    fn legend(&self, svg: &mut String) {
        for (number, (name, _)) in self.series.iter().enumerate() {
            let (row, column) = (number / 3, number % 3);
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"{}\">{name}</text>",
                LEFT + column as f64 * 95.0,
                32.0 + row as f64 * 14.0,
                COLOURS[number % COLOURS.len()],
            );
        }
    }

    /// Where a place is.
    fn at(&self, place: usize) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        match self.kind {
            Kind::Lines => LEFT + room * place as f64 / (self.places.len().max(2) - 1) as f64,
            Kind::Bars => LEFT + room * (place as f64 + 0.5) / self.places.len() as f64,
        }
    }

    fn grid(&self, svg: &mut String, scale: &Scale) {
        for mark in scale.marks() {
            let y = scale.height(mark);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT:.1} {y:.1}H{:.1}\" stroke=\"#dddddd\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
            );
        }
        for (place, label) in self.places.iter().enumerate() {
            let x = self.at(place);
            if self.kind == Kind::Lines {
                let _ = writeln!(
                    svg,
                    "<path d=\"M{x:.1} {:.1}V{TOP:.1}\" stroke=\"#dddddd\"/>",
                    HEIGHT - BOTTOM,
                );
            }
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                HEIGHT - BOTTOM + 15.0,
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(12 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - BOTTOM + 31.0,
            self.across,
            (HEIGHT - BOTTOM + TOP) / 2.0,
            self.up,
        );
    }

    fn line(&self, svg: &mut String, values: &[f64], scale: &Scale, colour: &str, dashed: bool) {
        let shown = values.iter().enumerate().filter(|(_, value)| **value > 0.0);
        let points: Vec<(f64, f64)> = shown
            .map(|(place, value)| (self.at(place), scale.height(*value)))
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let dashes = if dashed {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        };
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
            path.join(" "),
        );
        for (x, y) in points {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
    }

    fn bars(&self, svg: &mut String, values: &[f64], scale: &Scale, colour: &str, number: usize) {
        let all = self.series.len() as f64;
        let width = (WIDTH - LEFT - RIGHT) / self.places.len() as f64 * 0.8 / all;
        for (place, value) in values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let x = self.at(place) + (number as f64 - all / 2.0) * width;
            let y = scale.height(*value);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                HEIGHT - BOTTOM - y,
            );
        }
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

/// A size in as few characters as a label has room for.
pub(crate) fn short(size: usize) -> String {
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
    fn a_sheet_shows_every_panel_and_series() {
        let panel = |kind| Panel {
            title: "anything".into(),
            across: "places",
            places: vec!["first".into(), "second".into()],
            up: "values",
            kind,
            series: vec![
                ("ours".into(), vec![1.0, 20.0]),
                ("theirs".into(), vec![0.0, 2.0]),
            ],
        };
        let svg = sheet(&[panel(Kind::Lines), panel(Kind::Bars)]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("anything").count(), 2);
        assert_eq!(svg.matches("theirs").count(), 2);
        assert_eq!(
            (
                svg.matches("<polyline").count(),
                svg.matches("<rect").count()
            ),
            (2, 4)
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn sizes_are_told_in_short() {
        assert_eq!(
            [999, 1000, 100_000, 1_000_000].map(short),
            ["999", "1k", "100k", "1M"]
        );
    }
}
