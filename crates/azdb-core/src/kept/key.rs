//! What two logins must have in common for the session of one to serve the other.

/// A login as a list of fields, compared byte by byte. What it is of is the protocol's word.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Key {
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, Eq)]
struct Field {
    name: Box<[u8]>,
    value: Box<[u8]>,
}

/// How one login differs from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The first field that is not the same in both.
    pub(crate) first: Box<[u8]>,
    /// How many there are.
    pub(crate) count: usize,
}

impl Key {
    /// The same with one more field. The order counts: a protocol that does not care for it sorts them before.
    pub(crate) fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(Field {
            name: name.as_ref().into(),
            value: value.as_ref().into(),
        });
        self
    }

    /// What a field says.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let field = fields.find(|field| &*field.name == name.as_bytes())?;
        Some(&field.value)
    }

    /// `None` where there is no difference.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<Difference> {
        if self == other {
            return None;
        }
        let lacking = |fields: &'_ [Field], in_these: &'_ [Field]| -> Vec<Box<[u8]>> {
            let lacking = fields.iter().filter(|field| !in_these.contains(field));
            lacking.map(|field| field.name.clone()).collect()
        };
        let mut names = lacking(&self.fields, &other.fields);
        for name in lacking(&other.fields, &self.fields) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let count = names.len();
        // The same fields in another order, or one of them once more.
        let mut names = names.into_iter();
        let first = names.next().unwrap_or_else(|| (*b"order").into());
        Some(Difference { first, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: &[(&str, &str)]) -> Key {
        let mut fields = fields.iter();
        fields
            .try_fold(Key::default(), |key, (name, value)| {
                Some(key.with(name, value))
            })
            .unwrap_or_default()
    }

    fn first(one: &[(&str, &str)], other: &[(&str, &str)]) -> Option<(String, usize)> {
        let difference = key(one).differs_from(&key(other))?;
        let first = String::from_utf8_lossy(&difference.first).into_owned();
        Some((first, difference.count))
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let one = [("caller", "1"), ("application_name", "a"), ("options", "")];
        assert_eq!(first(&one, &one), None);
        let other = [("caller", "1"), ("application_name", "b"), ("options", "")];
        assert_eq!(first(&one, &other), Some(("application_name".into(), 1)));
        let fewer = [("caller", "2"), ("application_name", "a")];
        assert_eq!(first(&one, &fewer), Some(("caller".into(), 2)));
        assert_eq!(first(&fewer[1..], &one), Some(("caller".into(), 2)));
    }

    #[test]
    fn the_same_fields_in_another_order_are_another_login() {
        let (one, other) = ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]);
        assert!(key(&one) != key(&other));
        assert_eq!(first(&one, &other), Some(("order".into(), 0)));
        // Not what they would be if they were put behind each other.
        assert!(key(&[("a", "1b"), ("2", "")]) != key(&[("a", "1"), ("b2", "")]));
    }
}
