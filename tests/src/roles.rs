//! Execution roles: what each may do, read back from the deployed policies, and one permission taken away for a while.

use anyhow::{Context, Result, ensure};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::stack::Stack;

/// One action of one statement of a role's inline policy.
#[derive(Debug, Clone)]
pub struct Permission {
    /// The role.
    pub role: String,
    /// The inline policy's name.
    pub policy: String,
    /// The statement's id.
    pub sid: String,
    /// The action, e.g. `dynamodb:PutItem`.
    pub action: String,
    document: Value,
}

impl Permission {
    /// The policy without this action (without the statement when it was the last one).
    fn stripped_document(&self) -> Value {
        let mut document = self.document.clone();
        let statements = document["Statement"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let kept = statements.into_iter().filter_map(|mut statement| {
            if statement["Sid"] == json!(self.sid) {
                let left: Vec<Value> =
                    actions(&statement).into_iter().filter(|action| *action != self.action).map(Into::into).collect();
                if left.is_empty() {
                    return None;
                }
                statement["Action"] = Value::Array(left);
            }
            Some(statement)
        });
        document["Statement"] = kept.collect();
        document
    }
}

fn actions(statement: &Value) -> Vec<String> {
    match &statement["Action"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Stack {
    /// Every permission that the role's inline policies grant.
    pub async fn inline_permissions(&self, role: &str) -> Result<Vec<Permission>> {
        let names = self.iam.list_role_policies().role_name(role).send().await?.policy_names;
        let mut permissions = Vec::new();
        for policy in names {
            let answer = self.iam.get_role_policy().role_name(role).policy_name(&policy).send().await?;
            let text = percent_decode_str(&answer.policy_document).decode_utf8()?;
            let document: Value = serde_json::from_str(&text).context("the role's policy is JSON")?;
            for statement in document["Statement"].as_array().context("a policy has statements")? {
                let sid = statement["Sid"].as_str().context("each statement has a Sid")?;
                for action in actions(statement) {
                    permissions.push(Permission {
                        role: role.to_owned(),
                        policy: policy.clone(),
                        sid: sid.to_owned(),
                        action,
                        document: document.clone(),
                    });
                }
            }
        }
        ensure!(!permissions.is_empty(), "role {role} has no inline permission at all");
        Ok(permissions)
    }

    /// Takes the permission away.
    pub async fn strip(&self, permission: &Permission) -> Result<()> {
        let document = permission.stripped_document();
        if document["Statement"].as_array().is_some_and(Vec::is_empty) {
            let delete = self.iam.delete_role_policy().role_name(&permission.role).policy_name(&permission.policy);
            delete.send().await?;
            return Ok(());
        }
        self.put_policy(permission, &document).await
    }

    /// Gives it back.
    pub async fn restore(&self, permission: &Permission) -> Result<()> {
        self.put_policy(permission, &permission.document).await
    }

    async fn put_policy(&self, permission: &Permission, document: &Value) -> Result<()> {
        self.iam
            .put_role_policy()
            .role_name(&permission.role)
            .policy_name(&permission.policy)
            .policy_document(document.to_string())
            .send()
            .await
            .with_context(|| format!("failed to change the policy of {}", permission.role))?;
        Ok(())
    }
}
