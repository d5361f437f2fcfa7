//! One chart: numbers of a rendition over the session, drawn as SVG.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::analysis::rules::overview::Point;

/// Width and height, in pixels of its own; it is shown as wide as the page.
pub(super) const SIZE: (u32, u32) = (900, 190);
/// Points of a line that are drawn: no more than there are pixels.
const MOST: usize = 800;
const GREY: RGBColor = RGBColor(128, 128, 128);

/// What is drawn.
pub(super) struct Chart<'a> {
    /// From when to when, in microseconds of Unix time.
    pub(super) span_us: (i64, i64),
    /// Session zero, likewise.
    pub(super) zero_us: i64,
    /// Behind the numbers of its axis.
    pub(super) unit: &'static str,
    /// Numbers are divided by this.
    pub(super) scale: f64,
    pub(super) lines: Vec<Line<'a>>,
    /// Levels: a number, and what it is.
    pub(super) levels: Vec<(f64, &'static str)>,
    /// Times that are marked: from, to, in microseconds of Unix time.
    pub(super) spans: &'a [(i64, i64)],
}

/// Numbers.
pub(super) struct Line<'a> {
    pub(super) name: &'static str,
    pub(super) look: Look,
    pub(super) points: &'a [Point],
}

/// How numbers are drawn. Lines differ by more than their colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// From zero up, at each moment.
    Bars,
    /// From one to the next.
    Line,
    /// Crosses.
    Crosses,
}

impl Look {
    fn color(self) -> RGBColor {
        match self {
            Self::Bars => RGBColor(48, 110, 200),
            Self::Line => RGBColor(40, 140, 90),
            Self::Crosses => RGBColor(200, 90, 20),
        }
    }

    /// What a legend says of it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Line => "line",
            Self::Crosses => "crosses",
        }
    }
}

/// A drawn chart.
pub(super) struct Drawn {
    /// An `<svg>` element, of numbers and of words of this program only.
    pub(super) svg: String,
    /// Where each marked moment is, in percent of the width.
    pub(super) marks: Vec<f64>,
}

type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws. `marks`: moments whose places are wanted.
pub(super) fn draw(chart: &Chart<'_>, marks: &[i64]) -> Option<Drawn> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let places = drawn(chart, &area, marks).ok()?;
    area.present().ok()?;
    drop(area);
    Some(Drawn { svg, marks: places })
}

type Failed<'b> = DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>;

fn drawn<'b>(
    chart: &Chart<'_>,
    area: &DrawingArea<SVGBackend<'b>, Shift>,
    marks: &[i64],
) -> Result<Vec<f64>, Failed<'b>> {
    let (from, to) = (chart.at(chart.span_us.0), chart.at(chart.span_us.1));
    let (least, most) = chart.range();
    let mut plane = ChartBuilder::on(area)
        .margin(4)
        .margin_right(12)
        .x_label_area_size(22)
        .y_label_area_size(64)
        .build_cartesian_2d(from..to.max(from + 0.001), least..most)?;
    plane
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GREY.mix(0.25))
        .axis_style(GREY)
        .x_labels(8)
        .y_labels(5)
        .x_label_formatter(&|seconds| clock(*seconds))
        .y_label_formatter(&|value| format!("{} {}", short(*value), chart.unit))
        .label_style(("sans-serif", 12))
        .draw()?;
    let is_drawn =
        |(from_us, to_us): &&(i64, i64)| *from_us <= chart.span_us.1 && *to_us >= chart.span_us.0;
    for (from_us, to_us) in chart.spans.iter().filter(is_drawn) {
        let inside = |us: &i64| chart.at(*us).clamp(from, to);
        let corners = [(inside(from_us), least), (inside(to_us), most)];
        plane.draw_series([Rectangle::new(corners, RED.mix(0.25).filled())])?;
    }
    for (level, _) in &chart.levels {
        let level = level / chart.scale;
        plane.draw_series(LineSeries::new([(from, level), (to, level)], GREY))?;
    }
    for line in &chart.lines {
        one(chart, line, &mut plane)?;
    }
    let place = |us: &i64| {
        let (x, _) = plane.backend_coord(&(chart.at(*us).clamp(from, to), least));
        f64::from(x) * 100.0 / f64::from(SIZE.0)
    };
    Ok(marks.iter().map(place).collect())
}

fn one<'b>(
    chart: &Chart<'_>,
    line: &Line<'_>,
    plane: &mut Plane<'_, 'b>,
) -> Result<(), Failed<'b>> {
    let color = line.look.color();
    let points = thinned(line.points).into_iter();
    let points = points.map(|point| (chart.at(point.at_us), point.value / chart.scale));
    match line.look {
        Look::Line => plane.draw_series(LineSeries::new(points, color.stroke_width(2)))?,
        Look::Bars => {
            let bar = |(x, y)| PathElement::new(vec![(x, 0.0), (x, y)], color.stroke_width(2));
            plane.draw_series(points.map(bar))?
        }
        Look::Crosses => plane.draw_series(points.map(|point| Cross::new(point, 3, color)))?,
    };
    Ok(())
}

impl Chart<'_> {
    /// Seconds of session time.
    fn at(&self, us: i64) -> f64 {
        us.saturating_sub(self.zero_us) as f64 / 1e6
    }

    /// The least and the most that is drawn: from zero on, unless there is less.
    fn range(&self) -> (f64, f64) {
        let points = self.lines.iter().flat_map(|line| line.points);
        let values = points.map(|point| point.value);
        let levels = self.levels.iter().map(|(level, _)| *level);
        let (least, most) = values
            .chain(levels)
            .fold((0.0, 0.0), |(least, most), value| {
                (f64::min(least, value), f64::max(most, value))
            });
        let most = if most > least { most } else { least + 1.0 };
        (least / self.scale, most * 1.08 / self.scale)
    }
}

/// As many points as can be seen; of those that would be one the largest.
fn thinned(points: &[Point]) -> Vec<Point> {
    let size = points.len().div_ceil(MOST).max(1);
    let larger = |one: Point, other: Point| if other.value > one.value { other } else { one };
    points
        .chunks(size)
        .filter_map(|some| some.iter().copied().reduce(larger))
        .collect()
}

/// Session time, as short as it may be.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[Point]) -> Chart<'_> {
        Chart {
            span_us: (0, 100_000_000),
            zero_us: 0,
            unit: "s",
            scale: 1.0,
            lines: vec![Line {
                name: "told",
                look: Look::Bars,
                points,
            }],
            levels: vec![(6.0, "expected")],
            spans: &[(5_000_000, 9_000_000)],
        }
    }

    #[test]
    fn what_is_drawn_is_svg_and_marks_lie_on_its_axis() {
        let points: Vec<Point> = (0..5000)
            .map(|n| Point {
                at_us: n * 20_000,
                value: 2.0,
            })
            .collect();
        let drawn = draw(&chart(&points), &[0, 50_000_000, 100_000_000, 900_000_000]).unwrap();
        assert!(drawn.svg.starts_with("<svg") && drawn.svg.contains("0:01:00"));
        let [first, middle, last, beyond] = drawn.marks.as_slice() else {
            panic!("{:?}", drawn.marks);
        };
        assert!(first < middle && middle < last && (last - beyond).abs() < 0.01);
        assert!(drawn.svg.len() < 200_000, "{}", drawn.svg.len());
    }

    #[test]
    fn nothing_and_a_single_moment_can_be_drawn() {
        assert!(draw(&chart(&[]), &[]).is_some());
        let one = [Point {
            at_us: 7,
            value: -3.0,
        }];
        let mut short = chart(&one);
        short.span_us = (7, 7);
        assert!(draw(&short, &[7]).is_some());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            (short(2.0), short(0.25), clock(3725.4)),
            ("2".to_owned(), "0.25".to_owned(), "1:02:05".to_owned())
        );
    }
}
