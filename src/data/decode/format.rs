//! Which format a file is in, by its content, and by its name where the content
//! says nothing.

use std::ffi::OsStr;
use std::path::Path;

/// Bytes from the beginning of a file by which its format is recognised.
pub(in crate::data) const SIGNATURE: usize = 32;

/// A format that is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Gif,
    WebP,
    Bmp,
}

/// What the beginning of a file says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An image that is read here.
    Read(Format),
    /// An image of a format that is not read here, by its name for people.
    Foreign(&'static str),
    /// No image that is known here.
    Unknown,
}

/// Endings of images that are read here.
const ENDINGS: [&str; 9] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif",
];

/// Endings of images that are not, with the names of their formats.
const FOREIGN_ENDINGS: [(&[&str], &str); 25] = [
    (&["heic", "heif", "heics", "heifs", "hif"], HEIC),
    (&["avif", "avifs"], AVIF),
    (
        &["jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "jpm"],
        JPEG_2000,
    ),
    (&["jxl"], JPEG_XL),
    (&["jxr", "wdp", "hdp"], "JPEG XR"),
    (&["tif", "tiff"], TIFF),
    (&["psd", "psb"], PHOTOSHOP),
    (
        &[
            "dng", "cr2", "cr3", "crw", "nef", "nrw", "arw", "srf", "sr2", "raf", "orf", "rw2",
            "pef", "srw", "x3f", "3fr", "erf", "kdc", "dcr", "mrw", "rwl", "iiq", "mef", "mos",
            "gpr", "fff", "raw",
        ],
        RAW,
    ),
    (&["ppm", "pgm", "pbm", "pnm", "pam", "pfm"], PNM),
    (&["tga", "targa", "icb", "vda", "vst"], "TGA"),
    (&["pcx", "dcx"], "PCX"),
    (&["sgi", "rgb", "rgba", "bw"], "SGI"),
    (&["ico", "cur", "icns"], ICON),
    (&["dds", "ktx", "ktx2"], TEXTURE),
    (&["exr"], OPEN_EXR),
    (&["hdr", "rgbe"], RADIANCE),
    (&["ff"], FARBFELD),
    (&["qoi"], QOI),
    (&["xcf"], GIMP),
    (&["svg", "svgz"], SVG),
    (&["xbm", "xpm"], "X's bitmap format"),
    (&["ras"], "Sun raster"),
    (&["bpg"], "BPG"),
    (&["flif"], "FLIF"),
    (&["dcm"], "DICOM"),
];

const HEIC: &str = "HEIC";
const AVIF: &str = "AVIF";
const JPEG_2000: &str = "JPEG 2000";
const JPEG_XL: &str = "JPEG XL";
const TIFF: &str = "TIFF";
const RAW: &str = "a camera's raw format";
const PHOTOSHOP: &str = "Photoshop's format";
const GIMP: &str = "GIMP's format";
const PNM: &str = "PNM";
const ICON: &str = "an icon";
const TEXTURE: &str = "a texture";
const OPEN_EXR: &str = "OpenEXR";
const RADIANCE: &str = "Radiance HDR";
const FARBFELD: &str = "farbfeld";
const QOI: &str = "QOI";
const SVG: &str = "SVG";

/// How files of other formats begin.
const FOREIGN_STARTS: [(&[u8], &str); 28] = [
    (b"\0\0\0\x0CjP  \r\n\x87\n", JPEG_2000),
    (b"\xFF\x4F\xFF\x51", JPEG_2000),
    (b"\0\0\0\x0CJXL \r\n\x87\n", JPEG_XL),
    (b"\xFF\x0A", JPEG_XL),
    (b"II*\0\x10\0\0\0CR", RAW),
    (b"IIU\0", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"FOVb", RAW),
    (b"\0MRM", RAW),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"II\xBC\x01", "JPEG XR"),
    (b"8BPS", PHOTOSHOP),
    (b"gimp xcf", GIMP),
    (b"\0\0\x01\0", ICON),
    (b"\x76\x2F\x31\x01", OPEN_EXR),
    (b"#?RADIANCE", RADIANCE),
    (b"#?RGBE", RADIANCE),
    (b"icns", ICON),
    (b"qoif", QOI),
    (b"DDS ", TEXTURE),
    (b"farbfeld", FARBFELD),
    (b"<svg", SVG),
];

/// What the beginning of a file says.
pub(super) fn recognise(start: &[u8]) -> Content {
    let read = if start.starts_with(b"\xFF\xD8\xFF") {
        Some(Format::Jpeg)
    } else if start.starts_with(b"\x89PNG\r\n\x1A\n") {
        Some(Format::Png)
    } else if start.starts_with(b"GIF87a") || start.starts_with(b"GIF89a") {
        Some(Format::Gif)
    } else if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
        Some(Format::WebP)
    } else if is_bmp(start) {
        Some(Format::Bmp)
    } else {
        None
    };
    if let Some(format) = read {
        return Content::Read(format);
    }
    let foreign = boxed(start).or_else(|| {
        let begins = |(magic, _): &&(&[u8], &str)| start.starts_with(magic);
        FOREIGN_STARTS.iter().find(begins).map(|(_, name)| *name)
    });
    match foreign {
        Some(name) => Content::Foreign(name),
        None if is_pnm(start) => Content::Foreign(PNM),
        None if is_svg(start) => Content::Foreign(SVG),
        None => Content::Unknown,
    }
}

/// Two letters are little: the length of the header that follows must be one
/// that there is.
fn is_bmp(start: &[u8]) -> bool {
    let length = start.get(14..18);
    start.starts_with(b"BM")
        && length.is_some_and(|length| {
            let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
            matches!(length, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
        })
}

fn is_pnm(start: &[u8]) -> bool {
    matches!(start, [b'P', b'1'..=b'7', space, next, ..]
        if space.is_ascii_whitespace() && (next.is_ascii_digit() || *next == b'#'))
}

fn is_svg(start: &[u8]) -> bool {
    start.starts_with(b"<?xml") && start.windows(4).any(|four| four == b"<svg")
}

/// The format of a file in the container of MPEG-4, by its brands: the major one
/// and those that it is compatible with. Films have others.
fn boxed(start: &[u8]) -> Option<&'static str> {
    if start.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let length = u32::from_be_bytes([start[0], start[1], start[2], start[3]]) as usize;
    let end = length.clamp(12, start.len().max(12)).min(start.len());
    let (brands, _) = start[8..end].as_chunks::<4>();
    let has = |known: &[&[u8; 4]]| brands.iter().any(|brand| known.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        Some(AVIF)
    } else if has(&[
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2",
        b"msf1", b"miaf",
    ]) {
        Some(HEIC)
    } else if has(&[b"crx "]) {
        Some(RAW)
    } else if has(&[b"jp2 ", b"jpx ", b"jpm ", b"mjp2"]) {
        Some(JPEG_2000)
    } else {
        None
    }
}

fn ending(path: &Path) -> Option<String> {
    let ending = path.extension().and_then(OsStr::to_str)?;
    Some(ending.to_ascii_lowercase())
}

/// Whether a file's name says that it is an image, read here or not.
pub(in crate::data) fn is_named_like_image(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
        || foreign_by_name(path).is_some()
}

/// The format that a file's name says, of those that are not read here.
pub(super) fn foreign_by_name(path: &Path) -> Option<&'static str> {
    let ending = ending(path)?;
    let has = |(endings, _): &&(&[&str], &str)| endings.contains(&ending.as_str());
    FOREIGN_ENDINGS.iter().find(has).map(|(_, name)| *name)
}

/// Whether the first [`SIGNATURE`] bytes of a file are those of an image.
pub(in crate::data) fn looks_like_image(start: &[u8]) -> bool {
    recognise(start) != Content::Unknown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Content, Format, foreign_by_name, is_named_like_image, recognise};

    #[test]
    fn formats_that_are_not_read_are_recognised_by_their_content() {
        for (start, name) in [
            (
                &b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 "[..],
                "JPEG 2000",
            ),
            (b"\xFF\x4F\xFF\x51\0\x29", "JPEG 2000"),
            (b"\xFF\x0A\x7F\x01", "JPEG XL"),
            (b"\0\0\0\x0CJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JPEG XL"),
            (b"\0\0\0\x1CftypavifAAAAavifmif1miaf", "AVIF"),
            (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
            (b"\0\0\0\x18ftypavis\0\0\0\0avismsf1", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypheix\0\0\0\0mif1heix", "HEIC"),
            (b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc", "HEIC"),
            (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
            (
                b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
                "a camera's raw format",
            ),
            (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw format"),
            (b"II*\0\x08\0\0\0", "TIFF"),
            (b"MM\0+\0\x08\0\0", "TIFF"),
            (b"8BPS\0\x01", "Photoshop's format"),
            (b"P6 640 480 255\n", "PNM"),
            (b"<?xml version='1.0'?><svg xmlns=", "SVG"),
        ] {
            assert_eq!(recognise(start), Content::Foreign(name), "{start:?}");
        }
    }

    #[test]
    fn what_is_no_image_is_not_taken_for_one() {
        for start in [
            &b""[..],
            b"\xFF\xD8",
            b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
            b"\0\0\0\x14ftypqt  ",
            b"\0\0\0",
            b"\xFF\xFF\xFF\xFFftyp",
            b"BMW sells cars, and this is text",
            b"P1 is the first probability",
            b"<?xml version='1.0'?><annotation>",
            b"%PDF-1.7",
            b"version https://git-lfs.github.com",
        ] {
            assert_eq!(recognise(start), Content::Unknown, "{start:?}");
        }
        assert_eq!(recognise(b"GIF89a"), Content::Read(Format::Gif));
    }

    #[test]
    fn names_give_formats_in_upper_and_lower_case() {
        let by_name = |name: &str| foreign_by_name(Path::new(name));
        assert_eq!(by_name("IMG_0001.HEIC"), Some("HEIC"));
        assert_eq!(by_name("scan.jp2"), Some("JPEG 2000"));
        assert_eq!(by_name("a.b.NEF"), Some("a camera's raw format"));
        assert_eq!(by_name("sky.hdr"), Some("Radiance HDR"));
        assert_eq!(by_name("a.pgm"), Some("PNM"));
        assert_eq!(by_name("a.jpg"), None);
        for name in [
            "a.JPG", "b.jxl", "c.avif", "d.webp", "e.Tiff", "f.tga", "g.pcx", "h.sgi", "i.dds",
            "j.ff",
        ] {
            assert!(is_named_like_image(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "jpg", "b.json", "c.mp4", "d"] {
            assert!(!is_named_like_image(Path::new(name)), "{name}");
        }
    }
}
