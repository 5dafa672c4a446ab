//! Providers that are already on the machine: trees in the layout of a Terraform filesystem mirror.
//!
//! <https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories>

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A provider that the stack's Terraform needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// `hashicorp/{name}`.
    pub name: &'static str,
    /// The lowest version that `lib/provider.tf` takes.
    pub from: (u32, u32),
    /// The first major version that it does not take.
    pub below: u32,
    /// The version that `opsctl/providers` builds, where that is possible.
    pub built: Option<&'static str>,
}

/// What `lib/provider.tf` requires. A test compares.
pub const PROVIDERS: [Provider; 3] = [
    Provider { name: "aws", from: (5, 0), below: 6, built: None },
    Provider { name: "random", from: (3, 6), below: 4, built: Some("3.6.0") },
    Provider { name: "archive", from: (1, 3), below: 3, built: Some("1.3.0") },
];

impl Provider {
    /// Its folder in a mirror.
    pub fn dir(&self, mirror: &Path) -> PathBuf {
        mirror.join("registry.terraform.io/hashicorp").join(self.name)
    }

    /// The highest suitable version in a mirror for this platform, unpacked or as the registry's archive.
    pub fn version_in(&self, mirror: &Path, platform: &str) -> Option<(u32, u32, u32)> {
        let entries = fs::read_dir(self.dir(mirror)).ok()?;
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let archive = name
                    .strip_prefix(&format!("terraform-provider-{}_", self.name))
                    .and_then(|rest| rest.strip_suffix(&format!("_{platform}.zip")));
                if let Some(version) = archive {
                    return parse(version);
                }
                let version = parse(&name)?;
                let plugin = fs::read_dir(entry.path().join(platform)).ok()?.flatten().any(|file| {
                    let wanted = format!("terraform-provider-{}_v{name}", self.name);
                    file.file_name().to_string_lossy().starts_with(&wanted) && file.path().is_file()
                });
                plugin.then_some(version)
            })
            .filter(|(major, minor, _)| (*major, *minor) >= self.from && *major < self.below)
            .max()
    }
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

/// Terraform's name of this platform.
pub fn platform() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}_{architecture}")
}

/// Where a mirror may be, best first: what variables name, Terraform's implied directories, one level below `/opt`.
pub fn candidates(variable: impl Fn(&str) -> Option<String>, opt: &Path) -> Vec<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = path("HOME");
    let mut found: Vec<PathBuf> = ["TF_PROVIDER_MIRROR", "TF_PLUGIN_CACHE_DIR"]
        .iter()
        .filter_map(|name| std::path::absolute(path(name)?).ok())
        .collect();
    if let Some(home) = &home {
        found.push(home.join(".terraform.d/plugins"));
        found.push(home.join("Library/Application Support/io.terraform/plugins"));
    }
    if let Some(data) = path("XDG_DATA_HOME").or_else(|| Some(home.as_ref()?.join(".local/share"))) {
        found.push(data.join("terraform/plugins"));
    }
    let data_dirs = variable("XDG_DATA_DIRS").filter(|value| !value.is_empty());
    for data in std::env::split_paths(&data_dirs.unwrap_or_else(|| "/usr/local/share:/usr/share".to_owned())) {
        found.push(data.join("terraform/plugins"));
    }
    let below: BTreeSet<PathBuf> =
        fs::read_dir(opt).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.extend(below);
    found
}

/// The mirror with the highest suitable version of a provider; of equals the first.
pub fn best<'a>(provider: &Provider, mirrors: &'a [PathBuf], platform: &str) -> Option<&'a Path> {
    let mut best: Option<((u32, u32, u32), &Path)> = None;
    for mirror in mirrors {
        if let Some(version) = provider.version_in(mirror, platform)
            && best.is_none_or(|(highest, _)| version > highest)
        {
            best = Some((version, mirror));
        }
    }
    best.map(|(_, mirror)| mirror)
}

/// The text of a CLI configuration that takes each provider from its mirror and everything else from its registry.
pub fn cli_config(sources: &[(&Provider, &Path)]) -> String {
    let mut text = "# Written by `opsctl local`: the Terraform registry could not be reached.\n".to_owned();
    text.push_str("provider_installation {\n");
    let mut names = Vec::new();
    for (provider, mirror) in sources {
        let name = format!("registry.terraform.io/hashicorp/{}", provider.name);
        let path = mirror.display().to_string().replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${");
        let _ = write!(text, "  filesystem_mirror {{\n    path    = \"{path}\"\n    include = [\"{name}\"]\n  }}\n");
        names.push(format!("\"{name}\""));
    }
    let _ = write!(text, "  direct {{\n    exclude = [{}]\n  }}\n}}\n", names.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const AWS: Provider = PROVIDERS[0];
    const ARCHIVE: Provider = PROVIDERS[2];

    fn plugin(mirror: &Path, name: &str, version: &str, platform: &str) {
        let dir = mirror.join("registry.terraform.io/hashicorp").join(name).join(version).join(platform);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("terraform-provider-{name}_v{version}_x5")), "").unwrap();
    }

    #[test]
    fn the_highest_suitable_version_counts() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["4.67.0", "5.9.0", "5.100.0", "6.1.0"] {
            plugin(dir.path(), "aws", version, "linux_amd64");
        }
        plugin(dir.path(), "aws", "5.200.0", "linux_arm64");
        assert_eq!(AWS.version_in(dir.path(), "linux_amd64"), Some((5, 100, 0)));
        assert_eq!(AWS.version_in(dir.path(), "linux_arm64"), Some((5, 200, 0)));
        assert_eq!(AWS.version_in(dir.path(), "darwin_arm64"), None);
        assert_eq!(ARCHIVE.version_in(dir.path(), "linux_amd64"), None);
    }

    #[test]
    fn an_empty_folder_is_no_provider_and_a_packed_one_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(ARCHIVE.dir(dir.path()).join("2.0.0/linux_amd64")).unwrap();
        assert_eq!(ARCHIVE.version_in(dir.path(), "linux_amd64"), None);
        fs::write(ARCHIVE.dir(dir.path()).join("terraform-provider-archive_2.7.1_linux_amd64.zip"), "").unwrap();
        assert_eq!(ARCHIVE.version_in(dir.path(), "linux_amd64"), Some((2, 7, 1)));
        assert_eq!(ARCHIVE.version_in(dir.path(), "linux_arm64"), None);
    }

    #[test]
    fn mirrors_are_looked_for_where_terraform_does_and_the_variables_come_first() {
        let opt = tempfile::tempdir().unwrap();
        fs::create_dir(opt.path().join("tf-plugins")).unwrap();
        let variables = HashMap::from([
            ("HOME", "/home/me"),
            ("TF_PROVIDER_MIRROR", "/mirror"),
            ("TF_PLUGIN_CACHE_DIR", ""),
            ("XDG_DATA_DIRS", "/a:/b"),
        ]);
        let found = candidates(|name| variables.get(name).map(ToString::to_string), opt.path());
        let expected = [
            "/mirror",
            "/home/me/.terraform.d/plugins",
            "/home/me/Library/Application Support/io.terraform/plugins",
            "/home/me/.local/share/terraform/plugins",
            "/a/terraform/plugins",
            "/b/terraform/plugins",
        ];
        assert_eq!(found[..6], expected.map(PathBuf::from));
        assert_eq!(found[6..], [opt.path().join("tf-plugins")]);
        let bare = candidates(|_| None, Path::new("/nowhere"));
        assert_eq!(bare, ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"].map(PathBuf::from));
    }

    #[test]
    fn the_best_mirror_has_the_highest_version_and_of_equals_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let mirrors = ["a", "b", "c"].map(|name| dir.path().join(name)).to_vec();
        assert_eq!(best(&AWS, &mirrors, "linux_amd64"), None);
        plugin(&mirrors[0], "aws", "5.9.0", "linux_amd64");
        plugin(&mirrors[1], "aws", "5.10.0", "linux_amd64");
        plugin(&mirrors[2], "aws", "5.10.0", "linux_amd64");
        assert_eq!(best(&AWS, &mirrors, "linux_amd64"), Some(mirrors[1].as_path()));
    }

    #[test]
    fn the_cli_configuration_names_each_mirror_and_leaves_the_rest_to_the_registry() {
        let text = cli_config(&[(&AWS, Path::new("/opt/a \"b\"")), (&ARCHIVE, Path::new("/cache"))]);
        insta::assert_snapshot!(text, @r#"
        # Written by `opsctl local`: the Terraform registry could not be reached.
        provider_installation {
          filesystem_mirror {
            path    = "/opt/a \"b\""
            include = ["registry.terraform.io/hashicorp/aws"]
          }
          filesystem_mirror {
            path    = "/cache"
            include = ["registry.terraform.io/hashicorp/archive"]
          }
          direct {
            exclude = ["registry.terraform.io/hashicorp/aws", "registry.terraform.io/hashicorp/archive"]
          }
        }
        "#);
    }

    #[test]
    fn the_providers_are_those_of_the_terraform() {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib/provider.tf")).unwrap();
        let text: String = text.split_whitespace().collect();
        for expected in [
            r#"aws={source="hashicorp/aws"version="~>5.0"}"#,
            r#"random={source="hashicorp/random"version="~>3.6"}"#,
            r#"version=">=1.3,<3.0""#,
        ] {
            assert!(text.contains(expected), "lib/provider.tf no longer says {expected}: change PROVIDERS too");
        }
        assert_eq!(text.matches("source=\"hashicorp/").count(), PROVIDERS.len());
    }
}
